"""Fused float layers as integer layers, for given ranges of the values and additions per weight.

Each sum has a unit u, the real value of one unit of its accumulator: a convolution's is
``gamma * s`` with gamma its weight step and s its input's scale; an identity of integer weight m
has ``s / m``. What is added in one accumulator has one unit. The scale of the tensor that is made
is defined by the unit and the shift-add factor, ``u / factor``, so that none of it is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.network.graph import AveragePool, Convolution
from pann_hw.network.graph import MaxPool as FloatMaxPool
from pann_hw.quantise.calibrate import Range, Statistics, choose_range
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.sources import convolution, copies, mean
from pann_hw.quantise.weights import weight_step

__all__ = ["INPUT_BITS", "build", "choose_ranges"]

INPUT_BITS = 8
"""Width of the network's input."""

_LEAST_FACTOR = 2.0**-24  # of Scale.nearest
_LARGEST_IDENTITY = 16
_RATIO_ERROR = 0.01
_CONCAT_DIGITS = 3
_FACTOR_STRIDE = 0.98


@dataclass(frozen=True, eq=False)
class _Parts:
    """Sources of one sum, the unit of each and the bias (real values, one per channel)."""

    sources: tuple[Source, ...]
    units: tuple[float, ...]
    bias: np.ndarray


def choose_ranges(fused: Fused, statistics: dict[str, Statistics], bits: int) -> dict[str, Range]:
    """The grid of every value that a layer makes but the raw output, and of the input (8 bits).

    Selections alone keep the grid of what they read. Values that only max pooling reads are
    clipped as their maxima are best clipped.
    """
    source = fused.graph.input_name
    ranges = {source: choose_range(statistics[source], INPUT_BITS, clip=False)}
    for layer in fused.layers:
        if isinstance(layer, Sum) and not layer.raw and not _keeps_grid(layer):
            maximum = layer.clamp.maximum if layer.clamp is not None else None
            seen = statistics[_seen_as(layer.name, fused)]
            ranges[layer.name] = choose_range(seen, bits, maximum)
    return ranges


def build(fused: Fused, ranges: dict[str, Range], bits: int, additions: float) -> IntegerNetwork:
    """The integer network at R = ``additions`` for every layer, hidden tensors of ``bits`` bits.

    Where a shortcut joins a convolution, the convolution's step moves to the nearest at which the
    shortcut's integer weight is exact.
    """
    shapes = fused.graph.shapes
    source = fused.graph.input_name
    grid = ranges[source]
    first = Tensor(source, fused.graph.input_shape, INPUT_BITS, grid.zero_point, grid.step)
    tensors = {source: first}
    layers: list[Layer] = []
    output_scale = 1.0
    for layer in fused.layers:
        if isinstance(layer, FloatMaxPool):
            read = tensors[layer.inputs[0]]
            pooled = Tensor(layer.name, shapes[layer.name], read.bits, read.zero_point, read.scale)
            made: Layer = MaxPool(
                pooled, read.name, layer.kernel, layer.stride, layer.padding, layer.end_padding
            )
        elif layer.raw:
            parts = _parts(layer, tensors, 1.0, additions)
            output_scale = parts.units[0]
            made = _raw(layer, parts, tensors, Tensor(layer.name, shapes[layer.unclamped], bits))
        elif _keeps_grid(layer):
            read = tensors[layer.branches[0].value]
            kept = Range(read.scale, read.zero_point)
            parts = _parts(layer, tensors, read.scale, additions)
            made = _requantised(layer, parts, tensors, kept, (shapes[layer.name], read.bits))
        else:
            grid = ranges[layer.name]
            parts = _parts(layer, tensors, grid.step, additions)
            made = _requantised(layer, parts, tensors, grid, (shapes[layer.name], bits))
        tensors[layer.name] = made.output
        layers.append(made)
    return IntegerNetwork(first, tuple(layers), output_scale)


def _keeps_grid(layer: Sum) -> bool:
    """Whether a layer only moves integers: each comes out as it went in."""
    return layer.kind == "select" and layer.clamp is None and not layer.raw


def _seen_as(name: str, fused: Fused) -> str:
    readers = [node for node in fused.graph.nodes if name in node.inputs]
    pools = [node.name for node in readers if isinstance(node, FloatMaxPool)]
    return pools[0] if len(pools) == len(readers) == 1 else name


def _parts(layer: Sum, tensors: dict[str, Tensor], step: float, additions: float) -> _Parts:
    if layer.convolutions:
        return _convolutions(layer, tensors, step, additions)
    branch = layer.branches[0]
    inputs = [tensors[branch.value] for branch in layer.branches]
    if isinstance(branch.operation, AveragePool):
        kernel = branch.operation.kernel
        unit = inputs[0].scale / (kernel[0] * kernel[1])
        source = mean(branch.operation, inputs[0])
        return _Parts((source,), (unit,), np.zeros(inputs[0].shape[0]))
    if layer.kind == "add":
        weights = list(_ratio(inputs[0].scale, inputs[1].scale))
        unit = float(np.sqrt(inputs[0].scale / weights[0] * inputs[1].scale / weights[1]))
        units: tuple[float, ...] = (unit, unit)
    else:
        weights = [1] * len(inputs)
        units = tuple(tensor.scale for tensor in inputs)
    sources = tuple(copies(layer.branches, inputs, weights))
    channels = max(source.first_channel + len(source.weights) for source in sources)
    return _Parts(sources, units, np.zeros(channels))


def _convolutions(layer: Sum, tensors: dict[str, Tensor], step: float, additions: float) -> _Parts:
    """One or two convolutions, or one and an identity or selection, in one unit.

    Two convolutions: the unit at which both together take R additions per weight.
    """
    norm, count = 0.0, 0
    bias = np.zeros(len(layer.convolutions[0].bias))
    for branch in layer.branches:
        if isinstance(branch.operation, Convolution):
            weight = branch.operation.weight.detach().numpy()
            norm += float(np.abs(weight).sum(dtype=np.float64)) * tensors[branch.value].scale
            count += weight.size
            bias += branch.operation.bias.detach().double().numpy()
    unit = weight_step(norm, count, additions) or step
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
    return _Parts(sources, (unit,) * len(sources), bias)


def _ratio(a: float, b: float) -> tuple[int, int]:
    """The smallest integers up to 16 in the ratio a : b.

    Within 1 % where there are such, else the nearest, at most 3.3 % off; beyond 16 : 1 the nearest
    m : 1.
    """
    if max(a, b) > _LARGEST_IDENTITY * min(a, b):
        return (round(a / b), 1) if a > b else (1, round(b / a))
    pairs = [
        (abs(m * b / (n * a) - 1), m, n)
        for m in range(1, _LARGEST_IDENTITY + 1)
        for n in range(1, _LARGEST_IDENTITY + 1)
    ]
    near = [pair for pair in pairs if pair[0] <= _RATIO_ERROR] or [min(pairs)]
    _, m, n = min(near, key=lambda pair: (pair[1] + pair[2], pair[0]))
    return m, n


def _raw(layer: Sum, parts: _Parts, tensors: dict[str, Tensor], output: Tensor) -> Accumulate:
    bias = _folded(parts, tensors, parts.bias / parts.units[0])
    return Accumulate(output, parts.sources, bias, None, 2**output.bits - 1, layer.kind)


def _requantised(
    layer: Sum,
    parts: _Parts,
    tensors: dict[str, Tensor],
    grid: Range,
    form: tuple[tuple[int, int, int], int],
) -> Accumulate:
    shape, bits = form
    if layer.kind == "concat":
        factors, scale = _concat_factors(parts.units, grid.step)
    else:
        saturates = layer.clamp is not None and layer.clamp.maximum is not None
        factor = _factor(parts.units[0] / grid.step, saturates)
        factors, scale = (factor,), parts.units[0] / float(factor.value)
    factors *= len(parts.sources) // len(factors)
    scales: list[Scale] = [factors[0]] * shape[0]
    units = np.full(shape[0], parts.units[0])
    for source, factor, unit in zip(parts.sources, factors, parts.units, strict=True):
        end = source.first_channel + len(source.weights)
        scales[source.first_channel : end] = [factor] * len(source.weights)
        units[source.first_channel : end] = unit
    offset = np.array([grid.zero_point / float(factor.value) for factor in scales])
    q_max = 2**bits - 1
    if layer.clamp is not None and layer.clamp.maximum is not None:
        q_max = min(q_max, max(1, int(layer.clamp.maximum / scale)))
    return Accumulate(
        Tensor(layer.name, shape, bits, grid.zero_point, scale),
        parts.sources,
        _folded(parts, tensors, parts.bias / units + offset),
        tuple(scales),
        q_max,
        layer.kind,
    )


def _factor(wanted: float, saturates: bool) -> Scale:
    """The nearest factor; for a clamp with a maximum one not above, so that the grid reaches it."""
    factor = Scale.nearest(max(wanted, _LEAST_FACTOR))
    trial = wanted
    while saturates and factor.value > wanted > _LEAST_FACTOR:
        trial *= _FACTOR_STRIDE
        factor = Scale.nearest(max(trial, _LEAST_FACTOR))
    return factor


def _concat_factors(units: tuple[float, ...], step: float) -> tuple[tuple[Scale, ...], float]:
    """A factor per input and the one scale of the output that they fit best, from ``step`` up."""
    start = max(step, *units)
    best: tuple[float, tuple[Scale, ...], float] | None = None
    for scale in start * np.linspace(1, 1.125, 65):
        wanted = [max(unit / scale, _LEAST_FACTOR) for unit in units]
        factors = tuple(Scale.nearest(factor, _CONCAT_DIGITS) for factor in wanted)
        error = max(
            abs(float(factor.value) / value - 1)
            for factor, value in zip(factors, wanted, strict=True)
        )
        if best is None or error < best[0]:
            best = (error, factors, float(scale))
    assert best is not None
    return best[1], best[2]


def _folded(parts: _Parts, tensors: dict[str, Tensor], bias: np.ndarray) -> np.ndarray:
    """Real bias in accumulator units as int64, with the inputs' zero points taken out."""
    folded: np.ndarray = np.floor(bias + 0.5).astype(np.int64)
    for source in parts.sources:
        end = source.first_channel + len(source.weights)
        zero_point = tensors[source.tensor].zero_point
        folded[source.first_channel : end] -= zero_point * source.weights.sum((1, 2, 3))
    return folded
