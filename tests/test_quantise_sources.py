"""Selections and uneven padding: exact in integers, and as the hardware does them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.interpret import execute
from pann_hw.network.graph import AveragePool, Convolution, FloatGraph, MaxPool, Select, evaluate
from pann_hw.program.compile import compile_network
from pann_hw.quantise.post_training import quantise
from tests.quantise_graphs import Draft, images, relative_error
from tests.random_networks import layer_arrays

CONFIG = AcceleratorConfig(
    accumulator_width=32, activation_words=65536, term_words=65536, descriptor_words=65536
)


def checked(graph: FloatGraph, bits: int = 8, budget: float = 64.0) -> IntegerNetwork:
    """The integer network, near the float one and the same on the interpreter."""
    x = images(16)
    network = quantise(graph, x, bits, budget)
    q = quantise_input(network, x[:3])
    values = run(network, q)
    name = network.layers[-1].output.name
    found = values[name].flatten(1).numpy() * network.output_scale
    with torch.no_grad():
        wanted = graph.run(torch.from_numpy(x[:3])).numpy()
    assert relative_error(found, wanted) < 0.1
    program = compile_network(network, CONFIG, "unary")
    execution = execute(program, q.astype(np.uint8))
    arrays = layer_arrays(network, program, execution.stores, execution.outputs)
    for layer in network.layers:
        assert np.array_equal(arrays[layer.output.name], values[layer.output.name].numpy())
    return network


def layer(network: IntegerNetwork, name: str) -> Accumulate:
    found = next(one for one in network.layers if one.output.name == name)
    assert isinstance(found, Accumulate)
    return found


CHOICES = {
    "slice": ((1, 2), (1, 2), (2, 2), (3, 3)),
    "reversed channels": ((3, 2, 1, 0), (0, 0), (1, 1), (8, 8)),
    "padding": ((0, 1, 2, 3), (-1, -2), (1, 1), (10, 11)),
    "channels of zeros": ((-1, 0, 1, 2, 3, -1), (0, 0), (1, 1), (8, 8)),
    "all at once": ((-1, 3, -1, 1), (2, -1), (3, 2), (4, 5)),
    "nothing but zeros": ((-1, -1), (0, 0), (2, 2), (4, 4)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_selection_moves_integers_as_they_are(name: str) -> None:
    channels, origin, stride, size = CHOICES[name]
    d = Draft()
    conv = d.convolution("x", 4)
    chosen = d.select(conv, channels, origin, stride, size)
    d.add(d.linear(chosen, 5), d.linear(conv, 5))
    graph = d.graph()
    network = checked(graph)
    q = quantise_input(network, images(3))
    values = run(network, q)
    tensors = network.tensors
    assert (tensors[chosen].scale, tensors[chosen].bits) == (tensors[conv].scale, 8)
    node = next(one for one in graph.nodes if one.name == chosen)
    real = (values[conv] - tensors[conv].zero_point).double()
    found = values[chosen] - tensors[chosen].zero_point
    assert torch.equal(found.double(), evaluate(node, [real]))


def test_selecting_from_the_input_keeps_its_bits() -> None:
    d = Draft()
    d.linear(d.select("x", (2, 0)), 5)
    network = checked(d.graph())
    assert network.layers[0].output.bits == 8
    assert network.layers[0].output.scale == network.input.scale


@pytest.mark.parametrize("first", [True, False])
def test_option_a_shortcut_joins_the_convolution(first: bool) -> None:
    """Channels of zeros cost nothing: its source covers the others."""
    d = Draft()
    one = d.relu(d.convolution("x", 4))
    conv = d.convolution(one, 8, 3, 2)
    short = d.select(one, (-1, -1, 0, 1, 2, 3, -1, -1), (0, 0), (2, 2), (4, 4))
    added = d.relu(d.add(conv, short) if first else d.add(short, conv))
    d.linear(added, 5)
    network = checked(d.graph())
    assert [one.output.name for one in network.layers] == [one, added, "linear6"]
    (source,) = [one for one in layer(network, added).sources if not one.learned]
    assert (source.first_channel, source.weights.shape, source.groups) == (2, (4, 1, 1, 1), 4)
    assert network.macs == 4 * 27 * 64 + 8 * 36 * 16 + 5 * 128


def test_two_selections_with_zeros_cover_every_channel() -> None:
    d = Draft()
    one = d.convolution("x", 4)
    both = d.add(d.select(one, (0, 1, -1, -1)), d.select(one, (-1, 2, 3, -1)))
    d.linear(both, 5)
    network = checked(d.graph())
    first, second = layer(network, both).sources
    assert (first.first_channel, len(first.weights)) == (0, 4)
    assert (second.first_channel, len(second.weights)) == (1, 2)


def test_clamped_and_raw_selections() -> None:
    d = Draft()
    d.select(d.relu(d.select(d.convolution("x", 4), (1, 3))), (1,), (1, 1), (2, 2), (3, 3))
    network = checked(d.graph())
    assert [one.output.name for one in network.layers] == ["conv0", "relu2", "select3"]


def test_uneven_padding() -> None:
    d = Draft()
    x = d.convolution("x", 4)
    graph = d.graph()
    conv = graph.nodes[0]
    assert isinstance(conv, Convolution)
    nodes = (
        Convolution(x, ("x",), conv.weight, conv.bias, (2, 1), (0, 2), 1, (1, -1)),
        MaxPool("pool", (x,), (3, 2), (2, 1), (1, 0), (0, 1)),
        AveragePool("mean", ("pool",), (2, 2), (1, 2), (0, 1), (1, 0)),
    )
    shapes = {"x": (3, 8, 8), x: (4, 4, 7), "pool": (4, 2, 7), "mean": (4, 2, 4)}
    uneven = FloatGraph("x", (3, 8, 8), nodes, "mean", shapes)
    network = checked(uneven)
    assert {one.output.name: one.output.shape for one in network.layers} == {
        name: shape for name, shape in shapes.items() if name != "x"
    }


def test_select_is_what_its_formula_says(rng: np.random.Generator) -> None:
    for _ in range(20):
        channels = tuple(rng.integers(-1, 3, int(rng.integers(1, 5))).tolist())
        origin = tuple(rng.integers(-3, 4, 2).tolist())
        stride, size = (tuple(rng.integers(1, high, 2).tolist()) for high in (4, 6))
        x = rng.standard_normal((2, 3, 5, 6))
        node = Select("y", ("x",), channels, origin, stride, size)
        wanted = np.zeros((2, len(channels), *size))
        for c, i, j in np.ndindex(wanted.shape[1:]):
            row, column = origin[0] + stride[0] * i, origin[1] + stride[1] * j
            if channels[c] >= 0 and 0 <= row < 5 and 0 <= column < 6:
                wanted[:, c, i, j] = x[:, channels[c], row, column]
        assert np.array_equal(evaluate(node, [torch.from_numpy(x)]).numpy(), wanted)
