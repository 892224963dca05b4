"""Cross-layer equalisation: channels rescaled so that one step fits the weights of all of them.

Where a convolution's channels pass through a ReLU only, and perhaps pooling, into one other
convolution, channel c may be divided by any s > 0 and the weights that read it multiplied by s:
the network's function is the same. With r1 and r2 the largest weights that make and that read the
channel, ``s = sqrt(r1 / r2)`` makes both ``sqrt(r1 r2)`` (arXiv 1906.04721).
"""

from __future__ import annotations

from dataclasses import replace

import torch

from pann_hw.network.graph import AveragePool, Clamp, Convolution, FloatGraph, MaxPool, Node

__all__ = ["equalise"]

_SWEEPS = 3
_LARGEST = 64.0


def equalise(graph: FloatGraph) -> FloatGraph:
    """A graph of the same function, in a few sweeps over its pairs of convolutions."""
    nodes = {node.name: node for node in graph.nodes}
    pairs = _pairs(graph)
    for _ in range(_SWEEPS):
        for first, second in pairs:
            one, two = nodes[first], nodes[second]
            assert isinstance(one, Convolution)
            assert isinstance(two, Convolution)
            nodes[first], nodes[second] = _balanced(one, two)
    return replace(graph, nodes=tuple(nodes.values()))


def _pairs(graph: FloatGraph) -> list[tuple[str, str]]:
    """Convolutions of which the second alone reads what the first makes."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    pairs = []
    for node in graph.nodes:
        if not isinstance(node, Convolution):
            continue
        name = node.name
        while name != graph.output_name and len(readers.get(name, [])) == 1:
            (reader,) = readers[name]
            name = reader.name
            if isinstance(reader, Convolution):
                pairs.append((node.name, name))
                break
            scales = isinstance(reader, Clamp) and reader.maximum is None
            if not scales and not isinstance(reader, MaxPool | AveragePool):
                break
    return pairs


def _balanced(one: Convolution, two: Convolution) -> tuple[Convolution, Convolution]:
    made = one.weight.abs().flatten(1).amax(1)
    per_group = two.weight.view(two.groups, -1, *two.weight.shape[1:])
    read = per_group.abs().amax((1, 3, 4)).flatten()
    usable = (made > 0) & (read > 0)
    scale = torch.where(usable, (made / read).sqrt(), torch.ones_like(made))
    scale = scale.clamp(1 / _LARGEST, _LARGEST)
    factor = scale.view(two.groups, 1, -1, 1, 1)
    return (
        replace(one, weight=one.weight / scale.view(-1, 1, 1, 1), bias=one.bias / scale),
        replace(two, weight=(per_group * factor).view(two.weight.shape)),
    )
