"""Which float operations become one integer layer."""

from __future__ import annotations

import pytest
import torch

from pann_hw.network.graph import FloatGraph, MaxPool
from pann_hw.quantise.fuse import Sum, fuse
from tests.quantise_graphs import Draft, images


def kinds(graph: FloatGraph) -> list[str]:
    """A layer each: its kind, ^ where it clamps, * where it is raw, the values that it reads."""
    words = []
    for layer in fuse(graph).layers:
        if isinstance(layer, MaxPool):
            words.append(f"max {layer.inputs[0]}")
            continue
        marks = "^" * (layer.clamp is not None) + "*" * layer.raw
        words.append(f"{layer.kind}{marks} {' '.join(b.value for b in layer.branches)}")
    return words


def test_convolution_takes_its_clamp_along() -> None:
    d = Draft()
    d.linear(d.relu(d.convolution("x", 4)), 5)
    assert kinds(d.graph()) == ["conv^ x", "linear* relu1"]


def test_a_clamp_that_shares_its_input_is_a_copy() -> None:
    d = Draft()
    conv = d.convolution("x", 4)
    d.linear(d.add(d.relu(conv), conv), 5)
    assert kinds(d.graph()) == ["conv x", "copy^ conv0", "add relu1 conv0", "linear* add2"]


@pytest.mark.parametrize("first", [True, False])
def test_residual_addition_joins_the_convolution(first: bool) -> None:
    d = Draft()
    one = d.relu(d.convolution("x", 4))
    two = d.convolution(d.relu(d.convolution(one, 4)), 4)
    d.linear(d.relu(d.add(one, two) if first else d.add(two, one)), 5)
    order = "relu1 relu3" if first else "relu3 relu1"
    assert kinds(d.graph()) == ["conv^ x", "conv^ relu1", f"conv^ {order}", "linear* relu6"]


def test_two_convolutions_and_their_sum_are_one_layer() -> None:
    d = Draft()
    one = d.relu(d.convolution("x", 4))
    d.linear(d.relu(d.add(d.convolution(one, 4, 1), d.convolution(one, 4))), 5)
    assert kinds(d.graph()) == ["conv^ x", "conv^ relu1 relu1", "linear* relu5"]


def test_a_third_convolution_is_not_taken_in() -> None:
    d = Draft()
    one = d.relu(d.convolution("x", 4))
    two = d.add(d.convolution(one, 4, 1), d.convolution(one, 4))
    d.linear(d.add(two, d.convolution(one, 4)), 5)
    assert kinds(d.graph()) == ["conv^ x", "conv relu1 relu1", "conv add4 relu1", "linear* add6"]


def test_a_convolution_added_to_itself_stays_apart() -> None:
    d = Draft()
    conv = d.convolution("x", 4)
    d.linear(d.add(conv, conv), 5)
    assert kinds(d.graph()) == ["conv x", "add conv0 conv0", "linear* add1"]


def test_concatenation_and_pooling() -> None:
    d = Draft()
    one = d.relu(d.convolution("x", 4))
    two = d.relu(d.convolution("x", 2))
    d.average_pool(d.max_pool(d.concatenate(one, two, "x")))
    assert kinds(d.graph()) == [
        "conv^ x",
        "conv^ x",
        "concat relu1 relu3 x",
        "max cat4",
        "average_pool* max5",
    ]


def test_clamp_moves_ahead_of_max_pooling() -> None:
    d = Draft()
    d.linear(d.relu(d.max_pool(d.max_pool(d.convolution("x", 4)))), 5)
    graph = d.graph()
    fused = fuse(graph)
    assert kinds(graph) == ["conv^ x", "max relu3", "max max1", "linear* max2"]
    x = torch.from_numpy(images(3))
    assert torch.equal(fused.graph.run(x), graph.run(x))
    shapes = {name: tuple(v.shape[1:]) for name, v in fused.graph.values(x).items()}
    assert {name: fused.graph.shapes[name] for name in shapes} == shapes


def test_clamp_stays_where_the_pooled_value_has_other_readers() -> None:
    d = Draft()
    pool = d.max_pool(d.convolution("x", 4))
    d.linear(d.add(d.relu(pool), pool), 5)
    assert kinds(d.graph())[:3] == ["conv x", "max conv0", "copy^ max1"]


def test_output_that_cannot_be_raw_is_copied() -> None:
    d = Draft()
    d.relu(d.convolution("x", 4))
    assert kinds(d.graph()) == ["conv^ x", "copy* relu1"]
    assert fuse(d.graph()).layers[-1].name == "relu1.raw"
    d = Draft()
    d.relu(d.max_pool(d.convolution("x", 4)))
    assert kinds(d.graph()) == ["conv^ x", "max relu2", "copy* max1"]
    d = Draft()
    d.concatenate(d.convolution("x", 4), "x")
    assert kinds(d.graph()) == ["conv x", "concat conv0 x", "copy* cat1"]
    d = Draft()
    d.add(d.convolution("x", 3), "x")
    assert kinds(d.graph()) == ["conv* x x"]


def test_what_does_not_reach_the_output_is_left_out() -> None:
    d = Draft()
    conv = d.convolution("x", 4)
    d.relu(d.convolution("x", 7))
    assert kinds(d.graph(conv)) == ["conv* x"]
    layer = fuse(d.graph(conv)).layers[0]
    assert isinstance(layer, Sum)
    assert (layer.name, layer.unclamped) == ("conv0", "conv0")
