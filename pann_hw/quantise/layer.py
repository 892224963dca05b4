"""One fused float layer as an integer layer, for given weights and the grid of its values.

Each sum has a unit u, the real value of one unit of its accumulator: a convolution's is
``gamma * s`` with gamma its weight step and s its input's scale; an identity of integer weight m
has ``s / m``. What is added in one accumulator has one unit. The scale of the tensor that is made
is defined by the unit and the shift-add factor, ``u / factor``, so that none of it is approximated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.integer.network import Accumulate, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.network.graph import AveragePool, Shape
from pann_hw.network.graph import MaxPool as FloatMaxPool
from pann_hw.quantise.calibrate import Range
from pann_hw.quantise.channel_steps import DIGITS
from pann_hw.quantise.fuse import Sum
from pann_hw.quantise.sources import copies, mean

__all__ = [
    "Parts",
    "accumulate",
    "keeps_grid",
    "learned_parts",
    "max_pool",
    "raw",
    "requantised",
    "requantised_by_channel",
    "unlearned_parts",
]

_LEAST_FACTOR = 2.0**-24  # of Scale.nearest
_LARGEST_IDENTITY = 16
_RATIO_ERROR = 0.01
_CONCAT_DIGITS = 3
_FACTOR_STRIDE = 0.98
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class Parts:
    """What a layer sums.

    Attributes
    ----------
    sources : integer windows, in the order of the layer's branches
    units : real value of one unit of each source's sums; all equal but for concatenations
    bias : real values, one per output channel
    """

    sources: tuple[Source, ...]
    units: tuple[float, ...]
    bias: np.ndarray


def keeps_grid(layer: Sum) -> bool:
    """Whether a layer only moves integers: each comes out as it went in."""
    return layer.kind == "select" and layer.clamp is None and not layer.raw


def learned_parts(layer: Sum, sources: Sequence[Source], unit: float) -> Parts:
    """The parts of a layer with convolutions: sources of one unit, and the convolutions' biases."""
    bias = np.zeros(len(layer.convolutions[0].bias))
    for operation in layer.convolutions:
        bias += operation.bias.detach().double().numpy()
    return Parts(tuple(sources), (unit,) * len(sources), bias)


def unlearned_parts(layer: Sum, tensors: Mapping[str, Tensor]) -> Parts:
    """The parts of a layer without convolutions: a mean, an addition, a concatenation, a copy.

    An addition's integer weights are in the ratio of the scales, within 3.3 %; its unit is the
    geometric mean of both sides'.

    Parameters
    ----------
    tensors : those that the layer reads, by name
    """
    branch = layer.branches[0]
    inputs = [tensors[branch.value] for branch in layer.branches]
    if isinstance(branch.operation, AveragePool):
        kernel = branch.operation.kernel
        unit = inputs[0].scale / (kernel[0] * kernel[1])
        source = mean(branch.operation, inputs[0])
        return Parts((source,), (unit,), np.zeros(inputs[0].shape[0]))
    if layer.kind == "add":
        weights = list(_ratio(inputs[0].scale, inputs[1].scale))
        unit = float(np.sqrt(inputs[0].scale / weights[0] * inputs[1].scale / weights[1]))
        units: tuple[float, ...] = (unit, unit)
    else:
        weights = [1] * len(inputs)
        units = tuple(tensor.scale for tensor in inputs)
    sources = tuple(copies(layer.branches, inputs, weights))
    channels = max(source.first_channel + len(source.weights) for source in sources)
    return Parts(sources, units, np.zeros(channels))


def accumulate(
    layer: Sum,
    parts: Parts,
    tensors: Mapping[str, Tensor],
    grid: Range | None,
    shape: Shape,
    bits: int,
) -> Accumulate:
    """The integer layer of a sum, whatever becomes of its values: :func:`raw` or requantised.

    Parameters
    ----------
    tensors : those that the layer reads, by name
    grid : of the values to be made; None for a raw layer, and for one that keeps its input's
    shape, bits : of the tensor to be made; one that keeps its input's grid keeps its bits too
    """
    if layer.raw:
        return raw(layer, parts, tensors, Tensor(layer.name, shape, bits))
    if keeps_grid(layer):
        read = tensors[layer.branches[0].value]
        grid, bits = Range(read.scale, read.zero_point), read.bits
    if grid is None:
        raise ValueError(f"layer {layer.name!r}: no grid for its values, must have one")
    return requantised(layer, parts, tensors, grid, shape, bits)


def raw(layer: Sum, parts: Parts, tensors: Mapping[str, Tensor], output: Tensor) -> Accumulate:
    """The layer whose sums are the network's output, in units of ``parts.units[0]``."""
    bias = _folded(parts.sources, tensors, parts.bias / parts.units[0])
    return Accumulate(output, parts.sources, bias, None, 2**output.bits - 1, layer.kind)


def requantised(
    layer: Sum,
    parts: Parts,
    tensors: Mapping[str, Tensor],
    grid: Range,
    shape: Shape,
    bits: int,
    digits: int = 2,
) -> Accumulate:
    """The layer whose sums become unsigned activations.

    Its scale is the nearest to the grid's step that a factor gives, ``unit / factor``; under a
    clamp with a maximum none below it, so that the integers reach the maximum.

    Parameters
    ----------
    tensors : those that the layer reads, by name
    grid : of the values to be made
    shape, bits : of the tensor to be made
    digits : signed digits of the factor, 2 or 3; concatenations have 3

    Raises
    ------
    ValueError : digits out of their range
    """
    if layer.kind == "concat":
        factors, scale = _concat_factors(parts.units, grid.step)
    else:
        saturates = layer.clamp is not None and layer.clamp.maximum is not None
        factor = _factor(parts.units[0] / grid.step, saturates, digits)
        factors, scale = (factor,), parts.units[0] / float(factor.value)
    factors *= len(parts.sources) // len(factors)
    scales: list[Scale] = [factors[0]] * shape[0]
    units = np.full(shape[0], parts.units[0])
    for source, factor, unit in zip(parts.sources, factors, parts.units, strict=True):
        end = source.first_channel + len(source.weights)
        scales[source.first_channel : end] = [factor] * len(source.weights)
        units[source.first_channel : end] = unit
    made = Range(scale, grid.zero_point)
    bias = parts.bias / units
    return _assembled(layer, parts.sources, tensors, bias, tuple(scales), made, shape, bits)


def requantised_by_channel(
    layer: Sum,
    sources: Sequence[Source],
    units: np.ndarray,
    tensors: Mapping[str, Tensor],
    grid: Range,
    shape: Shape,
    bits: int,
) -> Accumulate:
    """The layer of convolutions whose output channels have units of their own.

    Parameters
    ----------
    units : (C,) real value of one unit of each channel's sums, the grid's step times a factor of at
        most three signed digits
    tensors, grid, shape, bits : as :func:`requantised` takes them; the grid's step is the scale

    Raises
    ------
    ValueError : a unit that no factor makes of the step
    """
    scales = tuple(Scale.nearest(unit / grid.step, DIGITS) for unit in units)
    factors = np.array([float(scale.value) for scale in scales])
    wrong = np.abs(factors * grid.step / units - 1) > _EXACT
    if wrong.any():
        raise ValueError(
            f"layer {layer.name!r}: unit {units[wrong][0]} is no factor of {DIGITS} digits "
            f"times the scale {grid.step}"
        )
    bias = learned_parts(layer, sources, 1.0).bias
    return _assembled(layer, sources, tensors, bias / units, scales, grid, shape, bits)


def max_pool(layer: FloatMaxPool, tensors: Mapping[str, Tensor], shape: Shape) -> MaxPool:
    """Max pooling of integers: bits, zero point and scale are those of what it reads."""
    read = tensors[layer.inputs[0]]
    pooled = Tensor(layer.name, shape, read.bits, read.zero_point, read.scale)
    return MaxPool(pooled, read.name, layer.kernel, layer.stride, layer.padding, layer.end_padding)


def _assembled(
    layer: Sum,
    sources: Sequence[Source],
    tensors: Mapping[str, Tensor],
    bias: np.ndarray,
    scales: tuple[Scale, ...],
    grid: Range,
    shape: Shape,
    bits: int,
) -> Accumulate:
    """A requantised layer, given its bias in units of the sums."""
    offset = np.array([grid.zero_point / float(scale.value) for scale in scales])
    q_max = 2**bits - 1
    if layer.clamp is not None and layer.clamp.maximum is not None:
        q_max = min(q_max, max(1, int(layer.clamp.maximum / grid.step * (1 + _EXACT))))
    return Accumulate(
        Tensor(layer.name, shape, bits, grid.zero_point, grid.step),
        tuple(sources),
        _folded(sources, tensors, bias + offset),
        scales,
        q_max,
        layer.kind,
    )


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


def _factor(wanted: float, saturates: bool, digits: int) -> Scale:
    """The nearest factor; for a clamp with a maximum one not above, so that the grid reaches it."""
    factor = Scale.nearest(max(wanted, _LEAST_FACTOR), digits)
    trial = wanted
    while saturates and factor.value > wanted > _LEAST_FACTOR:
        trial *= _FACTOR_STRIDE
        factor = Scale.nearest(max(trial, _LEAST_FACTOR), digits)
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


def _folded(
    sources: Sequence[Source], tensors: Mapping[str, Tensor], bias: np.ndarray
) -> np.ndarray:
    """Real bias in accumulator units as int64, with the inputs' zero points taken out."""
    folded: np.ndarray = np.floor(bias + 0.5).astype(np.int64)
    for source in sources:
        end = source.first_channel + len(source.weights)
        zero_point = tensors[source.tensor].zero_point
        folded[source.first_channel : end] -= zero_point * source.weights.sum((1, 2, 3))
    return folded
