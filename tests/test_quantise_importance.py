"""Importance is the squared gradient, against differences of the network's own outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.network.graph import Convolution, FloatGraph, evaluate
from pann_hw.quantise.fuse import Sum, fuse
from pann_hw.quantise.importance import channel_importance
from tests.quantise_graphs import Draft, images


def residual(outputs: int = 4) -> FloatGraph:
    d = Draft(5)
    one = d.relu(d.convolution("x", 6, 3, 2))
    two = d.relu(d.add(one, d.convolution(d.relu(d.convolution(one, 5)), 6)))
    d.linear(d.average_pool(two), outputs)
    return d.graph()


def by_differences(graph: FloatGraph, name: str, x: torch.Tensor) -> np.ndarray:
    """Each value of a map moved a little, one at a time."""
    # Doubles, so that small differences are no rounding errors.
    nodes = tuple(
        replace(node, weight=node.weight.double(), bias=node.bias.double())
        if isinstance(node, Convolution)
        else node
        for node in graph.nodes
    )
    graph = replace(graph, nodes=nodes)
    values = graph.values(x.double())
    later = nodes[[node.name for node in nodes].index(name) + 1 :]

    def outputs(value: torch.Tensor) -> torch.Tensor:
        changed = {**values, name: value}
        for node in later:
            changed[node.name] = evaluate(node, [changed[one] for one in node.inputs])
        return changed[graph.output_name].flatten(1)

    base, step = outputs(values[name]), 1e-6
    channels, height, width = graph.shapes[name]
    found = np.zeros(channels)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                moved = values[name].clone()
                moved[:, channel, row, column] += step
                slope = (outputs(moved) - base) / step
                found[channel] += float(slope.square().sum(1).mean())
    return found / (height * width)


def test_squared_gradients() -> None:
    graph, x = residual(), images(6)
    fused = fuse(graph)
    found = channel_importance(fused, x)
    names = [node.name for node in graph.nodes if isinstance(node, Convolution)]
    sums = {layer.unclamped: layer.name for layer in fused.layers if isinstance(layer, Sum)}
    assert len(found) == len(names)
    for name in (names[0], names[1], "add5"):
        wanted = by_differences(graph, name, torch.from_numpy(x))
        assert found[sums[name]] == pytest.approx(wanted, rel=1e-3, abs=1e-6)


def test_of_the_output_itself() -> None:
    fused = fuse(residual())
    assert channel_importance(fused, images(3))[fused.layers[-1].name] == pytest.approx(np.ones(4))


def test_batches_make_no_difference() -> None:
    fused, x = fuse(residual()), images(70)
    whole = channel_importance(fused, x)
    parts = [channel_importance(fused, x[:35]), channel_importance(fused, x[35:])]
    for name, importance in whole.items():
        assert importance == pytest.approx((parts[0][name] + parts[1][name]) / 2, rel=1e-4)


def test_many_outputs_are_probed() -> None:
    """Estimated from random signs, within a fifth over a layer."""
    graph, x = residual(120), images(64)
    fused = fuse(graph)
    found = channel_importance(fused, x)
    assert found == {name: pytest.approx(value) for name, value in
                     channel_importance(fused, x).items()}  # fmt: skip
    name = fused.layers[0].name
    exact = np.zeros(6)
    values = graph.values(torch.from_numpy(x).requires_grad_())
    for one in values[graph.output_name].flatten(1).sum(0):
        (gradient,) = torch.autograd.grad(one, values["conv0"], retain_graph=True)
        exact += gradient.square().mean((0, 2, 3)).numpy()
    assert found[name].mean() == pytest.approx(exact.mean(), rel=0.2)
    assert np.corrcoef(found[name], exact)[0, 1] > 0.8


def test_channels_that_reach_nothing() -> None:
    graph = residual()
    last = graph.nodes[-1]
    assert isinstance(last, Convolution)
    last.weight[:, 2] = 0
    fused = fuse(graph)
    found = channel_importance(fused, images(8))
    (block,) = (
        layer.name
        for layer in fused.layers
        if isinstance(layer, Sum) and layer.kind == "conv" and len(layer.branches) == 2
    )
    assert found[block][2] == 0
    assert (found[block][[0, 1, 3, 4, 5]] > 0).all()
