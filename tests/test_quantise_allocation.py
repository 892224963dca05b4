"""A budget is shared out where it does most good."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np
import pytest
import torch

from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.allocation import allocate, curve, uniform
from pann_hw.quantise.budget import flips_per_mac, mean_bits
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.calibrate import calibrate
from pann_hw.quantise.fuse import fuse
from pann_hw.quantise.post_training import fit, fit_layers, prepare
from pann_hw.quantise.recipe import FULL
from pann_hw.quantise.sensitivity import Sensitivities, measure
from tests.quantise_graphs import Draft, images, relative_error


def chain() -> FloatGraph:
    d = Draft()
    one = d.relu(d.convolution("x", 8))
    two = d.relu(d.convolution(d.max_pool(one), 8))
    d.linear(two, 5)
    return d.graph()


def test_curve_continues_straight() -> None:
    pairs = [(1.0, 1.0), (2.0, 0.25), (4.0, 0.0625)]
    at = np.array([0.5, 1.0, 1.5, 8.0])
    wanted = [4.0, 1.0, 1.5**-2.0, 1 / 64]
    assert curve(pairs, at, logarithmic=True) == pytest.approx(wanted)
    assert curve([(3, 1.0), (5, 0.25)], np.array([2.0, 4.0, 7.0]), logarithmic=False) == (
        pytest.approx([2.0, 0.5, 0.0625])
    )


def test_curve_never_rises_where_the_measurement_does() -> None:
    found = curve([(1.0, 0.5), (2.0, 0.7), (4.0, 0.1)], np.array([1.0, 2.0, 4.0]), logarithmic=True)
    assert found == pytest.approx([0.5, 0.5, 0.1])


def test_errors_are_those_of_one_change_at_a_time() -> None:
    fused, x = fuse(chain()), images(64)
    statistics = calibrate(fused.graph, x)
    found = measure(fused, lambda bits: choose_ranges(fused, statistics, bits, bits), x, FULL, 3)
    assert set(found.rounding) == {layer.name for layer in fused.layers} & set(found.rounding)
    assert len(found.rounding) == 3
    for pairs in (*found.rounding.values(), *found.widths.values()):
        places, errors = zip(*pairs, strict=True)
        assert list(places) == sorted(places)
        assert errors[0] > errors[-1] > 0
    # The width of the first value, by hand.
    name = next(name for name in found.widths if name != "x")
    grid = choose_ranges(fused, statistics, 3)[name]
    values = fused.graph.values(torch.from_numpy(x))
    value = (values[name] / grid.step).add(0.5).floor().clamp(0, 7) * grid.step
    seen = False
    for node in fused.graph.nodes:
        if seen:
            value = replace_value(node, value)
        seen = seen or node.name == name
    wanted = values[fused.graph.output_name]
    error = float(((value - wanted) ** 2).mean() / wanted.double().var())
    assert dict(found.widths[name])[3] == pytest.approx(error, rel=1e-3)


def replace_value(node: object, value: torch.Tensor) -> torch.Tensor:
    from pann_hw.network.graph import Node, evaluate

    assert isinstance(node, Node)
    return evaluate(node, [value])


def made_up(errors: tuple[float, float, float]) -> Sensitivities:
    """Rounding as bad as given at a cost of 1 a weight, a quarter of it at twice as much."""
    fused = fuse(chain())
    learned = [one.name for one in fused.layers if not isinstance(one, Convolution)]
    names = [name for name in learned if not name.startswith("max")]
    rounding = {
        name: ((1.0, error), (2.0, error / 4), (4.0, error / 16))
        for name, error in zip(names, errors, strict=True)
    }
    return Sensitivities(rounding, dict.fromkeys(names[:2], ((3, 0.1), (5, 0.01), (7, 0.001))))


def test_the_plan_is_the_best_of_all() -> None:
    """Against every choice of widths, and many of costs, with the same total."""
    fused = fuse(chain())
    ranges = choose_ranges(fused, calibrate(fused.graph, images(64)), 8)
    template = build(fused, ranges, 8, 2.0)
    sensitivities = made_up((0.02, 0.5, 0.01))
    plan = allocate(fused, template, sensitivities, 12.0, 0, widths=(3, 5, 7))
    assert plan is not None
    assert sum(plan.flips.values()) <= 12.0 * template.macs * 1.0001
    names = list(sensitivities.rounding)
    sizes = {layer.output.name: layer for layer in template.layers}

    def macs(name: str) -> int:
        layer = sizes[name]
        weights = layer.sources[0].weights.size  # type: ignore[union-attr]
        return int(weights) * layer.output.shape[1] * layer.output.shape[2]

    def error(bits: tuple[int, int], costs: list[float]) -> float:
        total = sum(dict(sensitivities.widths[n])[b] for n, b in zip(names, bits, strict=False))
        return total + sum(
            float(curve(sensitivities.rounding[name], np.array([one]), logarithmic=True)[0])
            for name, one in zip(names, costs, strict=True)
        )

    def widths(bits: tuple[int, int]) -> tuple[int, int, int]:
        return (8, *bits)

    planned = (plan.bits[names[0]], plan.bits[names[1]])
    costs = [
        plan.flips[name] / (macs(name) * width)
        for name, width in zip(names, widths(planned), strict=True)
    ]
    least = error(planned, costs)
    limit = 12.0 * template.macs
    for bits in product((3, 5, 7), (3, 5, 7)):
        for one, two in product(np.geomspace(0.1, 8, 60), repeat=2):
            spent = sum(
                macs(name) * width * cost
                for name, width, cost in zip(names, widths(bits), (one, two), strict=False)
            )
            last = (limit - spent) / (macs(names[2]) * bits[1])
            if last > 0.1:
                assert error(bits, [one, two, last]) > 0.93 * least


def test_no_plan_below_the_least() -> None:
    fused = fuse(chain())
    ranges = choose_ranges(fused, calibrate(fused.graph, images(64)), 8)
    template = build(fused, ranges, 8, 2.0)
    assert allocate(fused, template, made_up((0.1, 0.1, 0.1)), 0.1, 0) is None


def test_uniform_plan() -> None:
    fused = fuse(chain())
    ranges = choose_ranges(fused, calibrate(fused.graph, images(64)), 8)
    template = build(fused, ranges, 8, 2.0)
    plan = uniform(fused, template, 4, 3)
    assert plan.bits["x"] == 8
    assert {bits for name, bits in plan.bits.items() if name != "x"} == {4}
    first, second = (layer for layer in template.layers if layer.output.name.startswith("relu"))
    sizes = [
        layer.sources[0].weights.size * layer.output.shape[1] * bits  # type: ignore[union-attr]
        * layer.output.shape[2]
        for layer, bits in ((first, 8), (second, 4))
    ]  # fmt: skip
    ratio = plan.flips[first.output.name] / plan.flips[second.output.name]
    assert ratio == pytest.approx(sizes[0] / sizes[1])


@lru_cache(maxsize=1)
def deep() -> FloatGraph:
    d = Draft(3)
    value = d.relu(d.convolution("x", 8))
    for _ in range(3):
        value = d.relu(d.add(value, d.convolution(d.relu(d.convolution(value, 8)), 8)))
    d.linear(d.average_pool(value), 5)
    return d.graph()


def test_budgets_per_layer_are_better_than_one_for_all() -> None:
    prepared = prepare(deep(), images(128), FULL)
    x = images(200, seed=9)
    wanted = deep().run(torch.from_numpy(x)).numpy()
    errors = []
    networks = [fit_layers(prepared, 10.0, 3), *(fit(prepared, bits, 10.0, 3) for bits in (4, 5))]
    for network in networks:
        assert network is not None
        assert 0.95 * 10 < flips_per_mac(network, 3) <= 10
        found = run(network, quantise_input(network, x))[network.layers[-1].output.name]
        errors.append(relative_error(found.flatten(1).numpy() * network.output_scale, wanted))
    assert networks[0] is not None
    assert networks[0].bits is None
    assert 2 <= mean_bits(networks[0]) <= 8
    assert errors[0] < min(errors[1:])


def test_recipe_without_layer_by_layer_is_the_plain_one() -> None:
    prepared = prepare(chain(), images(32), replace(FULL, layer_budgets=False))
    network = fit(prepared, 4, 10.0)
    assert network is not None
    assert network.bits == 4
