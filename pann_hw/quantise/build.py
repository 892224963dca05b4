"""Round-to-nearest: a fused float network's integers at one number of additions per weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pann_hw.integer.network import IntegerNetwork, Layer, Tensor
from pann_hw.network.graph import Convolution
from pann_hw.network.graph import MaxPool as FloatMaxPool
from pann_hw.quantise.calibrate import Range, Statistics, choose_range
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.layer import (
    Parts,
    accumulate,
    keeps_grid,
    learned_parts,
    max_pool,
    unlearned_parts,
)
from pann_hw.quantise.sources import convolution, copies
from pann_hw.quantise.weights import weight_step

__all__ = ["INPUT_BITS", "build", "choose_ranges"]

INPUT_BITS = 8
"""Width of the network's input."""


def choose_ranges(
    fused: Fused, statistics: dict[str, Statistics], bits: int, input_bits: int = INPUT_BITS
) -> dict[str, Range]:
    """The grid of every value that a layer makes but the raw output, and of the input.

    Selections alone keep the grid of what they read. Values that only max pooling reads are
    clipped as their maxima are best clipped. An input of 8 bits is not clipped.
    """
    source = fused.graph.input_name
    clip = input_bits < INPUT_BITS
    ranges = {source: choose_range(statistics[source], input_bits, clip=clip)}
    for layer in fused.layers:
        if isinstance(layer, Sum) and not layer.raw and not keeps_grid(layer):
            maximum = layer.clamp.maximum if layer.clamp is not None else None
            seen = statistics[_seen_as(layer.name, fused)]
            ranges[layer.name] = choose_range(seen, bits, maximum)
    return ranges


def build(
    fused: Fused,
    ranges: dict[str, Range],
    bits: int,
    additions: float,
    input_bits: int = INPUT_BITS,
) -> IntegerNetwork:
    """The integer network at R = ``additions`` for every layer, hidden tensors of ``bits`` bits.

    Where a shortcut joins a convolution, the convolution's step moves to the nearest at which the
    shortcut's integer weight is exact.
    """
    shapes = fused.graph.shapes
    source = fused.graph.input_name
    grid = ranges[source]
    first = Tensor(source, fused.graph.input_shape, input_bits, grid.zero_point, grid.step)
    tensors = {source: first}
    layers: list[Layer] = []
    output_scale = 1.0
    for layer in fused.layers:
        if isinstance(layer, FloatMaxPool):
            made: Layer = max_pool(layer, tensors, shapes[layer.name])
        else:
            parts = _parts(layer, tensors, ranges.get(layer.name), additions)
            shape = shapes[layer.unclamped]
            made = accumulate(layer, parts, tensors, ranges.get(layer.name), shape, bits)
            if layer.raw:
                output_scale = parts.units[0]
        tensors[layer.name] = made.output
        layers.append(made)
    return IntegerNetwork(first, tuple(layers), output_scale)


def _seen_as(name: str, fused: Fused) -> str:
    readers = [node for node in fused.graph.nodes if name in node.inputs]
    pools = [node.name for node in readers if isinstance(node, FloatMaxPool)]
    return pools[0] if len(pools) == len(readers) == 1 else name


def _parts(
    layer: Sum, tensors: Mapping[str, Tensor], grid: Range | None, additions: float
) -> Parts:
    """Parts in one unit: that at which all convolutions together take R additions per weight.

    Where there is an identity or a selection, the unit moves to one of which it has a multiple.
    """
    if not layer.convolutions:
        return unlearned_parts(layer, tensors)
    norm, count = 0.0, 0
    for branch in layer.branches:
        if isinstance(branch.operation, Convolution):
            weight = branch.operation.weight.detach().numpy()
            norm += float(np.abs(weight).sum(dtype=np.float64)) * tensors[branch.value].scale
            count += weight.size
    # Weights that are all 0 have no step: any unit does.
    unit = weight_step(norm, count, additions) or (1.0 if grid is None else grid.step)
    identity = 1
    for branch in layer.branches:
        if not isinstance(branch.operation, Convolution):
            other = tensors[branch.value].scale
            identity = max(1, round(other / unit))
            unit = other / identity
    inputs = [tensors[branch.value] for branch in layer.branches]
    others = copies(layer.branches, inputs, [identity] * len(inputs))
    learned = [
        convolution(branch.operation, tensor, unit / tensor.scale)
        for branch, tensor in zip(layer.branches, inputs, strict=True)
        if isinstance(branch.operation, Convolution)
    ]
    # In the order of the branches: at most one is no convolution.
    first = isinstance(layer.branches[0].operation, Convolution)
    sources = (*learned, *others) if first else (*others, *learned)
    return learned_parts(layer, sources, unit)
