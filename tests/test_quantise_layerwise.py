"""Layer by layer: within the budget, nearer to float than round-to-nearest, for every shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.allocation import uniform
from pann_hw.quantise.budget import flips_per_mac, layer_flips, mean_bits
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.calibrate import calibrate
from pann_hw.quantise.fuse import Fused, Sum, fuse
from pann_hw.quantise.layerwise import Plan, float_values, quantise_layers
from pann_hw.quantise.post_training import fit, prepare
from pann_hw.quantise.recipe import FULL, PLAIN, Recipe
from tests.quantise_graphs import Draft, images, relative_error

UNIFORM = replace(FULL, layer_budgets=False)


def residual(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8))
    two = d.relu(d.add(one, d.convolution(d.relu(d.convolution(one, 8)), 8)))
    three = d.relu(d.convolution(d.max_pool(two), 12))
    return d.linear(d.average_pool(d.concatenate(three, d.relu(d.convolution(three, 4)))), 5)


def projection(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8))
    two = d.convolution(d.relu(d.convolution(one, 6, 3, 2)), 8)
    return d.linear(d.relu(d.add(d.convolution(one, 8, 1, 2), two)), 5)


def mixed_groups(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8))
    return d.linear(d.relu(d.add(d.convolution(one, 8, 3, 1, 8), d.convolution(one, 8, 1))), 5)


def depthwise(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8, 3, 2))
    return d.linear(d.relu(d.convolution(d.relu(d.convolution(one, 8, 3, 1, 8)), 12, 1)), 5)


def plain_additions(d: Draft) -> str:
    one, two = d.relu(d.convolution("x", 8)), d.convolution("x", 8)
    return d.linear(d.add(d.relu(d.add(one, two)), d.relu(two)), 5)


def ends_in_a_clamp(d: Draft) -> str:
    return d.relu(d.convolution(d.relu(d.convolution("x", 8), 0.7), 5))


CASES: list[Callable[[Draft], str]] = [
    residual, projection, mixed_groups, depthwise, ends_in_a_clamp,
]  # fmt: skip


def drawn(case: Callable[[Draft], str]) -> FloatGraph:
    d = Draft()
    case(d)
    return d.graph()


def quantised(
    graph: FloatGraph, recipe: Recipe, budget: float, bits: int = 5, max_shift: int = 3
) -> tuple[Fused, Plan, IntegerNetwork | None]:
    fused, x = fuse(graph), images(128)
    ranges = choose_ranges(fused, calibrate(fused.graph, x), bits)
    plan = uniform(fused, build(fused, ranges, bits, 2.0), bits, max_shift)
    return fused, plan, quantise_layers(fused, ranges, plan, x, recipe, budget, max_shift)


def error(graph: FloatGraph, network: IntegerNetwork) -> float:
    x = images(200, seed=9)
    found = run(network, quantise_input(network, x))[network.layers[-1].output.name]
    wanted = graph.run(torch.from_numpy(x)).numpy()
    return relative_error(found.flatten(1).numpy() * network.output_scale, wanted)


@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("case", CASES)
def test_within_the_budget_and_nearer_to_float(
    case: Callable[[Draft], str], max_shift: int
) -> None:
    graph = drawn(case)
    networks = []
    for recipe in (UNIFORM, replace(PLAIN, correct_biases=False)):
        _, _, network = quantised(graph, recipe, 14.0, 5, max_shift)
        assert network is not None
        assert 0.93 * 14 < flips_per_mac(network, max_shift) <= 14
        assert mean_bits(network) >= 5
        networks.append(network)
    assert error(graph, networks[0]) < error(graph, networks[1])


WITHOUT = {
    "feedback": replace(UNIFORM, feedback=False),
    "match_float": replace(UNIFORM, match_float=False),
    "thrift": replace(UNIFORM, thrift=0.0),
    "correct_biases": replace(UNIFORM, correct_biases=False),
}


@pytest.mark.parametrize("part", WITHOUT)
def test_each_part_helps(part: str) -> None:
    errors = []
    for recipe in (UNIFORM, WITHOUT[part]):
        total = 0.0
        for case in (residual, depthwise):
            graph = drawn(case)
            _, _, network = quantised(graph, recipe, 9.0)
            assert network is not None
            total += error(graph, network)
        errors.append(total)
    assert errors[0] < errors[1]


def test_additions_that_take_more_than_planned() -> None:
    """In unary an addition's weights cost up to 16 each, known only when scales are chosen."""
    prepared = prepare(drawn(plain_additions), images(128), UNIFORM)
    network = fit(prepared, 5, 14.0)
    assert network is not None
    assert 0.8 * 14 < flips_per_mac(network) <= 14


def test_layers_take_their_shares() -> None:
    graph = drawn(residual)
    fused, plan, _ = quantised(graph, UNIFORM, 12.0)
    ranges = choose_ranges(fused, calibrate(fused.graph, images(128)), 5)
    first = fused.layers[0].name
    flips = dict(plan.flips) | {first: 3 * plan.flips[first]}
    spent = []
    for one in (plan, Plan(plan.bits, flips)):
        network = quantise_layers(fused, ranges, one, images(128), UNIFORM, 12.0, 3)
        assert network is not None
        spent.append(layer_flips(network.layers[0], network.tensors, 3))
    assert spent[1] > 1.3 * spent[0]


def test_shortcuts_keep_exact_weights() -> None:
    """An identity's integer weight times the unit is the real 1."""
    fused, _, network = quantised(drawn(residual), UNIFORM, 12.0)
    assert network is not None
    tensors = network.tensors
    checked = 0
    for layer, source in zip(network.layers, fused.layers, strict=True):
        if isinstance(source, Sum) and source.convolutions and len(source.branches) == 2:
            assert isinstance(layer, Accumulate)
            assert layer.scales is not None
            (identity,) = (one for one in layer.sources if not one.learned)
            unit = layer.output.scale * float(layer.scales[0].value)
            weight = int(identity.weights.max())
            assert weight * unit == pytest.approx(tensors[identity.tensor].scale, rel=1e-9)
            checked += 1
    assert checked == 1


def test_budget_too_small_for_any_weights() -> None:
    assert quantised(drawn(residual), UNIFORM, 0.2)[2] is None


def test_equal_calls_give_equal_networks() -> None:
    one, two = (quantised(drawn(depthwise), UNIFORM, 10.0)[2] for _ in range(2))
    assert one is not None
    assert two is not None
    for mine, theirs in zip(one.layers, two.layers, strict=True):
        assert isinstance(mine, Accumulate)
        assert isinstance(theirs, Accumulate)
        assert np.array_equal(mine.bias, theirs.bias)
        assert np.array_equal(mine.sources[0].weights, theirs.sources[0].weights)


def test_float_values_are_those_of_the_graph() -> None:
    graph, x = drawn(residual), torch.from_numpy(images(70))
    wanted = graph.values(x)
    found = dict(float_values(graph, x))
    assert list(found) == [node.name for node in graph.nodes]
    for name, value in found.items():
        assert torch.allclose(value, wanted[name], atol=1e-5)
