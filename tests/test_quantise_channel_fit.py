"""A step for each output channel: within the cost, exact, and better where channels differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Accumulate, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.budget import additions_cost, flips_per_mac
from pann_hw.quantise.channel_fit import ChannelFit
from pann_hw.quantise.fuse import Sum, fuse
from pann_hw.quantise.layer_fit import LayerFit
from pann_hw.quantise.post_training import fit, fit_layers, prepare
from pann_hw.quantise.recipe import FULL, PLAIN, Recipe
from pann_hw.quantise.uniform import fit_uniform
from tests.quantise_graphs import Draft, images, relative_error
from tests.test_quantise_layerwise import CASES, depthwise, drawn, residual

KINDS = ["alone", "shortcut", "projection", "mixed groups", "depthwise"]
IMPORTANCE = np.array([1.0, 0.1, 4.0])


def problem(kind: str) -> tuple[Sum, dict[str, Tensor], dict[str, torch.Tensor], torch.Tensor]:
    """A layer of channels of different norms that reads x in 5 bits."""
    d = Draft()
    one = d.convolution("x", 3, groups=3 if kind in ("mixed groups", "depthwise") else 1)
    if kind == "shortcut":
        one = d.add("x", one)
    if kind in ("projection", "mixed groups"):
        one = d.add(one, d.convolution("x", 3, 1))
    d.linear(d.relu(one), 5)
    graph = d.graph()
    for node in graph.nodes[:2]:
        if isinstance(node, Convolution):
            node.weight.mul_(torch.tensor([1.0, 5.0, 0.3]).view(-1, 1, 1, 1))
    layer = fuse(graph).layers[0]
    assert isinstance(layer, Sum)
    x = torch.from_numpy(images(64))
    q = torch.floor(x / 0.2 + 16.5).clamp(0, 31).to(torch.uint8)
    tensors = {"x": Tensor("x", (3, 8, 8), 5, 16, 0.2)}
    return layer, tensors, {"x": q}, graph.values(x)[layer.unclamped]


def channel_fit(
    kind: str, scale: float | None, recipe: Recipe = FULL, max_shift: int = 0
) -> ChannelFit:
    return ChannelFit(*problem(kind), recipe, max_shift, IMPORTANCE, scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_within_the_cost_and_exact(kind: str, max_shift: int, scale: float | None) -> None:
    layer_fit = channel_fit(kind, scale, max_shift=max_shift)
    fixed = 5 * 3 * 16 if kind == "shortcut" and max_shift == 0 else 0
    errors = []
    for cost in (16 * layer_fit.least_cost + fixed, 48 * layer_fit.least_cost + fixed):
        found = layer_fit.fit(cost)
        spent = sum(5 * additions_cost(one.weights, max_shift) for one in found.sources)
        assert found.cost == pytest.approx(spent)
        assert 0.75 * cost < found.cost <= cost
        errors.append(found.error)
        assert len(set(found.units)) > 1
        if scale is None:
            assert found.scale is None
            continue
        assert found.scale is not None
        assert found.scale >= 0.95 * scale
        for unit in found.units:
            factor = float(Scale.nearest(unit / found.scale, 3).value)
            assert factor * found.scale == pytest.approx(unit, rel=1e-12)
        for source in found.sources:
            if not source.learned:
                real = source.weights[:, 0, 0, 0] * found.units
                assert real == pytest.approx(0.2, rel=0.0101)
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize("max_shift", [0, 3])
def test_important_channels_err_less(max_shift: int) -> None:
    """Channels that matter more than one would think from their norms take more of the cost."""
    units = []
    for importance in (np.ones(3), np.array([1.0, 0.05, 1.0])):
        one = ChannelFit(*problem("alone"), FULL, max_shift, importance, None)
        units.append(one.fit(24 * one.least_cost).units)
    assert units[1][1] > 1.3 * units[0][1]
    assert units[1][0] <= units[0][0]


@pytest.mark.parametrize("kind", ["alone", "projection", "depthwise"])
@pytest.mark.parametrize("max_shift", [0, 3])
def test_better_than_one_step(kind: str, max_shift: int) -> None:
    """By the error that counts: a small channel of large importance."""
    importance = np.array([1.0, 0.05, 10.0])
    weighted = []
    for one in (
        ChannelFit(*problem(kind), FULL, max_shift, importance, None),
        LayerFit(*problem(kind), FULL, max_shift),
    ):
        found = one.fit(24 * one.least_cost)
        layer, _, values, _ = problem(kind)
        total = torch.zeros(())
        learned = [source for source in found.sources if source.learned]
        for operation, source in zip(layer.convolutions, learned, strict=True):
            wrong = torch.from_numpy(source.weights * found.units[:, None, None, None] / 0.2)
            node = replace(
                operation, weight=wrong.float() - operation.weight, bias=operation.bias * 0
            )
            x = (values["x"].float() - 16) * 0.2
            total = total + torch.nn.functional.conv2d(
                x, node.weight, None, node.stride, node.padding, 1, node.groups
            )
        weighted.append(float((total.double().var((0, 2, 3)).numpy() * importance).sum()))
    assert weighted[0] < 0.8 * weighted[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", [(-2, 1), (-8, 7), (-15, 15)])
def test_range_holds_and_channels_are_fitted_for_themselves(
    kind: str, limits: tuple[int, int]
) -> None:
    one, all_alike = channel_fit(kind, 0.3).fit_range(limits), LayerFit(*problem(kind), FULL, 0)
    for source in one.sources:
        if source.learned:
            assert limits[0] <= source.weights.min() <= source.weights.max() <= limits[1]
    assert one.error < all_alike.fit_range(limits).error


def test_a_scale_finer_than_the_sums_moves_up() -> None:
    one = channel_fit("depthwise", 1e-4)
    found = one.fit(16 * one.least_cost)
    assert found.scale is not None
    assert found.scale > 0.01
    assert max(found.units) <= found.scale * (1 + 1e-12)


def test_weights_that_are_all_zero() -> None:
    layer, tensors, values, wanted = problem("alone")
    layer.convolutions[0].weight.zero_()
    recipe = replace(FULL, match_float=False)
    one = ChannelFit(layer, tensors, values, wanted * 0, recipe, 0, IMPORTANCE, 0.3)
    for found in (one.fit(100.0), one.fit_range((-8, 7))):
        assert (found.sources[0].weights == 0).all()
        assert found.scale is None


@pytest.mark.parametrize(("case", "max_shift"), [(residual, 0), *((case, 3) for case in CASES)])
def test_networks_within_the_budget(case: Callable[[Draft], str], max_shift: int) -> None:
    """All channels of a layer have one scale, and the last layer one step."""
    graph = drawn(case)
    prepared = prepare(graph, images(64), replace(FULL, channel_steps=True))
    network = fit_layers(prepared, 12.0, max_shift)
    assert network is not None
    assert 0.93 * 12 < flips_per_mac(network, max_shift) <= 12
    assert any(
        len(set(layer.scales)) > 1
        for layer in network.layers
        if isinstance(layer, Accumulate) and layer.scales is not None
    )


def error(graph: FloatGraph, recipe: Recipe, budget: float, max_shift: int) -> float:
    prepared = prepare(graph, images(128), recipe)
    network = fit_layers(prepared, budget, max_shift) if recipe.layer_budgets else (
        fit(prepared, 5, budget, max_shift)
    )  # fmt: skip
    assert network is not None
    x = images(200, seed=9)
    found = run(network, quantise_input(network, x))[network.layers[-1].output.name]
    wanted = graph.run(torch.from_numpy(x)).numpy()
    return relative_error(found.flatten(1).numpy() * network.output_scale, wanted)


def unequal(case: Callable[[Draft], str]) -> FloatGraph:
    """Channels of a convolution that differ: one in four is five times as large."""
    graph = drawn(case)
    for node in graph.nodes:
        if isinstance(node, Convolution):
            node.weight[::4].mul_(5)
            node.bias[::4].mul_(5)
    return graph


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(FULL, marks=pytest.mark.slow), replace(FULL, layer_budgets=False), PLAIN],
)
def test_the_switch_helps(recipe: Recipe) -> None:
    errors = {
        steps: sum(
            error(unequal(case), replace(recipe, channel_steps=steps), 9.0, max_shift)
            for case in (residual, depthwise)
            for max_shift in (0, 3)
        )
        for steps in (True, False)
    }
    assert errors[True] < errors[False]


def test_the_switch_helps_the_baseline() -> None:
    errors = []
    for steps in (True, False):
        graph = unequal(depthwise)
        prepared = prepare(graph, images(128), replace(FULL, channel_steps=steps))
        network = fit_uniform(prepared, 4, True)
        x = images(200, seed=9)
        found = run(network, quantise_input(network, x))[network.layers[-1].output.name]
        wanted = graph.run(torch.from_numpy(x)).numpy()
        errors.append(relative_error(found.flatten(1).numpy() * network.output_scale, wanted))
    assert errors[0] < errors[1]
