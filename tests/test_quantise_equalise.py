"""Equalisation leaves a network's function alone and its channels' weights alike."""

from __future__ import annotations

import torch

from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.equalise import equalise
from tests.quantise_graphs import Draft, images


def uneven(d: Draft) -> FloatGraph:
    graph = d.graph()
    for node in graph.nodes:
        if isinstance(node, Convolution):
            gains = torch.logspace(-1, 1, len(node.weight))
            node.weight.mul_(gains.view(-1, 1, 1, 1))
            node.bias.mul_(gains)
    return graph


def convolutions(graph: FloatGraph) -> list[Convolution]:
    return [node for node in graph.nodes if isinstance(node, Convolution)]


def spread(weight: torch.Tensor) -> float:
    largest = weight.abs().flatten(1).amax(1)
    return float(largest.max() / largest.min())


def same(one: FloatGraph, other: FloatGraph) -> bool:
    x = torch.from_numpy(images(20))
    wanted = one.run(x)
    return torch.allclose(other.run(x), wanted, atol=1e-4 * float(wanted.abs().max()))


def test_chain_with_depthwise_and_pooling() -> None:
    d = Draft()
    one = d.max_pool(d.relu(d.convolution("x", 8)))
    two = d.average_pool(d.relu(d.convolution(one, 8, 3, 1, 8)))
    d.linear(d.relu(d.convolution(two, 6, 1)), 5)
    graph = uneven(d)
    found = equalise(graph)
    assert same(graph, found)
    for old, new in zip(convolutions(graph)[:-1], convolutions(found)[:-1], strict=True):
        assert spread(new.weight) < 0.5 * spread(old.weight)


def test_what_cannot_be_scaled_stays() -> None:
    """Values that two operations read, clamps with a maximum, and the output."""
    d = Draft()
    one = d.relu(d.convolution("x", 8))
    two = d.relu(d.add(one, d.convolution(one, 8)), 6.0)
    three = d.relu(d.convolution(two, 8), 1.0)
    d.convolution(three, 5)
    graph = uneven(d)
    found = equalise(graph)
    for old, new in zip(convolutions(graph), convolutions(found), strict=True):
        assert torch.equal(old.weight, new.weight)
    assert same(graph, found)


def test_channel_that_nothing_makes() -> None:
    d = Draft()
    d.linear(d.relu(d.convolution("x", 8)), 5)
    graph = d.graph()
    convolutions(graph)[0].weight[3] = 0
    assert same(graph, equalise(graph))
    assert torch.isfinite(convolutions(equalise(graph))[1].weight).all()
