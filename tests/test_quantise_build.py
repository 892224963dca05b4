"""Integer layers stand for the float values: at 8 bits and many additions they hardly differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool
from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.calibrate import calibrate
from pann_hw.quantise.fuse import fuse
from tests.quantise_graphs import Draft, images, relative_error


def chain(d: Draft) -> str:
    return d.linear(d.relu(d.convolution(d.relu(d.convolution("x", 8)), 6, 3, 2, 2)), 5)


def shortcut(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8))
    two = d.convolution(d.relu(d.convolution(one, 8)), 8)
    return d.linear(d.relu(d.add(one, two)), 5)


def shortcut_second(d: Draft) -> str:
    one = d.convolution("x", 8)
    return d.linear(d.add(d.convolution(d.relu(one), 8), one), 5)


def projection(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8))
    two = d.convolution(d.relu(d.convolution(one, 6, 3, 2)), 8)
    return d.linear(d.relu(d.add(d.convolution(one, 8, 1, 2), two)), 5)


def plain_addition(d: Draft) -> str:
    one, two = d.relu(d.convolution("x", 8)), d.convolution("x", 8)
    return d.linear(d.add(d.relu(d.add(one, two)), d.relu(two)), 5)


def concatenation(d: Draft) -> str:
    one, two = d.relu(d.convolution("x", 4)), d.convolution("x", 3)
    return d.linear(d.relu(d.convolution(d.concatenate(one, two, "x"), 8)), 5)


def relu6(d: Draft) -> str:
    one = d.relu(d.convolution("x", 8), 0.7)
    return d.linear(d.relu(d.convolution(one, 8, 3, 1, 8), 6.0), 5)


def mean(d: Draft) -> str:
    one = d.average_pool(d.convolution("x", 8), padding=1)
    return d.linear(d.average_pool(d.relu(d.convolution(one, 8))), 5)


def maximum_then_clamp(d: Draft) -> str:
    one = d.relu(d.max_pool(d.convolution("x", 8), padding=1))
    return d.linear(d.max_pool(d.convolution(one, 8)), 5)


def standalone_clamp(d: Draft) -> str:
    return d.relu(d.convolution(d.relu("x"), 8))


CASES: list[Callable[[Draft], str]] = [
    chain, shortcut, shortcut_second, projection, plain_addition, concatenation, relu6, mean,
    maximum_then_clamp, standalone_clamp,
]  # fmt: skip


def integer(graph: FloatGraph, bits: int, additions: float) -> IntegerNetwork:
    fused = fuse(graph)
    ranges = choose_ranges(fused, calibrate(fused.graph, images(64)), bits)
    return build(fused, ranges, bits, additions)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_close_to_float(case: Callable[[Draft], str], seed: int) -> None:
    d = Draft(seed)
    graph = d.graph(case(d))
    network = integer(graph, 8, 100.0)
    x = images(64)
    found = run(network, quantise_input(network, x))
    wanted = fuse(graph).graph.values(torch.from_numpy(x))
    # What only max pooling reads is clipped for its maxima.
    pooled = {layer.tensor for layer in network.layers if isinstance(layer, MaxPool)}
    for layer in network.layers:
        name = layer.output.name
        if name in pooled:
            continue
        tensor = layer.output
        real = (found[name].double().numpy() - tensor.zero_point) * tensor.scale
        if isinstance(layer, Accumulate) and layer.raw:
            real = found[name].double().numpy() * network.output_scale
        expected = wanted[name.removesuffix(".raw")].double().numpy()
        error = relative_error(real, expected)
        assert error < 0.03, f"seed {seed}, {name}: {100 * error:.2f} % off"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("bits", [2, 4])
def test_hidden_tensors_have_the_bits_and_the_input_8(
    case: Callable[[Draft], str], bits: int
) -> None:
    d = Draft()
    network = integer(d.graph(case(d)), bits, 2.0)
    assert network.input.bits == 8
    assert {layer.output.bits for layer in network.layers} == {bits}
    found = run(network, quantise_input(network, images(5)))
    for layer in network.layers[:-1]:
        assert int(found[layer.output.name].max()) < 2**bits


@pytest.mark.parametrize("maximum", [0.7, 6.0])
@pytest.mark.parametrize("bits", range(2, 9))
def test_relu6_never_exceeds_its_maximum(maximum: float, bits: int) -> None:
    d = Draft()
    graph = d.graph(d.linear(d.relu(d.convolution("x", 8), maximum), 5))
    for additions in (4.0, 50.0):
        layer = integer(graph, bits, additions).layers[0]
        assert isinstance(layer, Accumulate)
        assert 0 < layer.q_max * layer.output.scale <= maximum


def test_shortcut_is_exact_in_the_accumulator() -> None:
    """A tensor's scale over its integer weight is the same unit as the convolution's step."""
    d = Draft()
    network = integer(d.graph(shortcut(d)), 4, 2.0)
    layer = network.layers[2]
    assert isinstance(layer, Accumulate)
    assert layer.scales is not None
    identity = next(source for source in layer.sources if not source.learned)
    weight = int(identity.weights[0, 0, 0, 0])
    assert weight >= 1
    assert (identity.weights == weight).all()
    unit = network.tensors[identity.tensor].scale / weight
    assert layer.output.scale * float(layer.scales[0].value) == pytest.approx(unit, rel=1e-12)


@pytest.mark.parametrize("factor", [0.02, 0.3, 1.0, 1.7, 40.0])
def test_plain_additions_weigh_scales_within_a_few_percent(factor: float) -> None:
    d = Draft()
    one, two = d.relu(d.convolution("x", 4)), d.relu(d.convolution("x", 4))
    graph = d.graph(d.linear(d.add(one, two), 5))
    graph.nodes[2].weight.mul_(factor)  # type: ignore[attr-defined]
    graph.nodes[2].bias.mul_(factor)  # type: ignore[attr-defined]
    network = integer(graph, 8, 20.0)
    layer = network.layers[2]
    assert isinstance(layer, Accumulate)
    weights = [int(source.weights[0, 0, 0, 0]) for source in layer.sources]
    scales = [network.tensors[source.tensor].scale for source in layer.sources]
    assert weights[0] / weights[1] == pytest.approx(scales[0] / scales[1], rel=0.033)
    assert max(weights) <= 16 or min(weights) == 1


def test_a_layer_without_weights_gives_its_bias() -> None:
    d = Draft()
    graph = d.graph(d.linear(d.relu(d.convolution("x", 4)), 5))
    graph.nodes[0].weight.zero_()  # type: ignore[attr-defined]
    x = images(4)
    network = integer(graph, 8, 50.0)
    found = run(network, quantise_input(network, x))["linear2"] * network.output_scale
    assert np.allclose(found.flatten(1), graph.run(torch.from_numpy(x)), atol=0.05)
