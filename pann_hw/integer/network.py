"""The integer network: unsigned activations, integer weights, shift-add requantisation.

Every layer but max pooling is a sum of weighted windows of one or two earlier tensors, so one
layer type covers convolution, linear layers, average pooling, residual addition and concatenation:
they are all programs of additions for the same hardware.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.integer.requantise import Scale

__all__ = ["Accumulate", "IntegerNetwork", "Layer", "MaxPool", "Source", "Tensor"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Tensor:
    """An unsigned activation map: real value = (integer - zero_point) * scale.

    Attributes
    ----------
    name : the float graph's name of the value
    shape : (C, H, W)
    bits : width of the unsigned integers, 1..8
    zero_point : the integer that stands for 0.0, in 0..2**bits - 1
    scale : real value of one unit; for information, no integer result depends on it
    """

    name: str
    shape: tuple[int, int, int]
    bits: int
    zero_point: int = 0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise ValueError(f"tensor {self.name!r}: {self.bits} bits, must be 1..8")
        if not 0 <= self.zero_point < 2**self.bits:
            raise ValueError(
                f"tensor {self.name!r}: zero point {self.zero_point}, must be 0..{2**self.bits - 1}"
            )
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(
                f"tensor {self.name!r}: shape {self.shape}, must be (C, H, W), each >= 1"
            )


@dataclass(frozen=True, eq=False)
class Source:
    """What one tensor contributes to an accumulation: a convolution without bias.

    ``acc[first_channel + o] += sum_i weights[o, i] * tensor[group(o) * I + i]``, out-of-range
    pixels count as the tensor's zero point.

    Attributes
    ----------
    tensor : name of the tensor that is read
    weights : int64 array of shape (O, I, kh, kw), I = channels of the tensor / groups
    stride : (vertical, horizontal)
    padding : rows above and columns to the left
    groups : 1 for dense, the tensor's channels for depthwise
    first_channel : where the O channels begin in the layer's output
    learned : True where the weights are a network's (MACs); False where they stand for an
        addition, a mean or a copy
    end_padding : rows below and columns to the right, None: as many as before the tensor; -n
        leaves n of the tensor out
    """

    tensor: str
    weights: np.ndarray
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    first_channel: int = 0
    learned: bool = True
    end_padding: Pair | None = None


@dataclass(frozen=True, eq=False)
class Accumulate:
    """``output[c] = requantise(bias[c] + sum of the sources, scales[c])``; raw without scales.

    Attributes
    ----------
    output : the tensor made; for a raw layer its bits and zero point mean nothing
    sources : one or more; at most two contribute to any one output channel
    bias : int64 array of C, in accumulator units; zero points and output offset are folded in
    scales : a scale per output channel; None passes the accumulator on as it is (network output)
    q_max : upper clamp, at most 2**bits - 1
    kind : what the layer was in the float network (conv, linear, average_pool, add, concat, ...)
    """

    output: Tensor
    sources: tuple[Source, ...]
    bias: np.ndarray
    scales: tuple[Scale, ...] | None
    q_max: int
    kind: str = "conv"

    @property
    def raw(self) -> bool:
        """Whether the accumulators themselves are the network's output."""
        return self.scales is None


@dataclass(frozen=True)
class MaxPool:
    """Maximum over kernel windows of one tensor. Bits and zero point stay.

    Padding, given as a :class:`Source` has it, never wins.
    """

    output: Tensor
    tensor: str
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    end_padding: Pair | None = None


Layer = Accumulate | MaxPool


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A network in which every result is an integer.

    Attributes
    ----------
    input : the tensor that the float input is quantised to
    layers : in order of execution; the last one is raw and is the network's output
    output_scale : real value of one unit of the output
    budget : flips per MAC asked for, with R and bx as chosen (information for reports)
    """

    input: Tensor
    layers: tuple[Layer, ...]
    output_scale: float = 1.0
    budget: float | None = None
    bits: int | None = None
    additions: float | None = None

    def __post_init__(self) -> None:
        check(self)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name, the input first."""
        return {t.name: t for t in (self.input, *(layer.output for layer in self.layers))}

    @property
    def macs(self) -> int:
        """Multiply-accumulates per inference that the learned weights stand for, zeros counted."""
        return sum(layer_macs(layer) for layer in self.layers)


def layer_macs(layer: Layer) -> int:
    """Learned weights times output positions of one layer; 0 for pooling, addition and copies."""
    if isinstance(layer, MaxPool):
        return 0
    _, height, width = layer.output.shape
    return sum(source.weights.size for source in layer.sources if source.learned) * height * width


def window_count(
    size: int, kernel: int, stride: int, padding: int, end_padding: int | None = None
) -> int:
    """Output positions of a window operator along one axis."""
    end = padding if end_padding is None else end_padding
    return (size + padding + end - kernel) // stride + 1


def ends(window: Source | MaxPool) -> Pair:
    """Rows below and columns to the right that a window operator adds."""
    return window.padding if window.end_padding is None else window.end_padding


def sides(window: Source | MaxPool) -> tuple[int, int, int, int]:
    """Padding as torch takes it: left, right, above, below."""
    (above, left), (below, right) = window.padding, ends(window)
    return left, right, above, below


def accumulator_bits(layer: Accumulate, tensors: dict[str, Tensor]) -> int:
    """Signed bits that hold every partial sum of a layer, in any order of additions."""
    bound = np.abs(layer.bias).astype(object)
    for source in layer.sources:
        largest = 2 ** tensors[source.tensor].bits - 1
        total = np.abs(source.weights).reshape(len(source.weights), -1).sum(1).astype(object)
        bound[source.first_channel : source.first_channel + len(total)] += total * largest
    return int(max(bound)).bit_length() + 1


def check(network: IntegerNetwork) -> None:
    """Raise ValueError, naming layer and value, where parts of a network do not fit together."""
    known = {network.input.name: network.input}
    for index, layer in enumerate(network.layers):
        name = layer.output.name
        if name in known:
            raise ValueError(f"layer {name!r}: a tensor of that name exists already")
        last = index == len(network.layers) - 1
        if isinstance(layer, MaxPool):
            if last:
                raise ValueError(f"layer {name!r}: the last layer must be a raw accumulation")
            _check_pool(layer, known)
        else:
            if layer.raw != last:
                raise ValueError(f"layer {name!r}: exactly the last layer must be raw")
            _check_accumulate(layer, known)
        known[name] = layer.output
    if not network.layers:
        raise ValueError("the network has no layers, must have at least one")


def _check_pool(layer: MaxPool, known: dict[str, Tensor]) -> None:
    name, source = layer.output.name, _tensor(layer.output.name, layer.tensor, known)
    _check_shape(name, layer.output, source, layer.kernel, layer)
    if layer.output.shape[0] != source.shape[0]:
        raise ValueError(
            f"layer {name!r}: {layer.output.shape[0]} channels, must be {source.shape[0]}"
        )
    if any(
        k <= max(p, e) for k, p, e in zip(layer.kernel, layer.padding, ends(layer), strict=True)
    ):
        raise ValueError(
            f"layer {name!r}: padding {layer.padding} and {ends(layer)} must be below the kernel "
            f"{layer.kernel}: each window needs a pixel"
        )


def _check_accumulate(layer: Accumulate, known: dict[str, Tensor]) -> None:
    name, channels = layer.output.name, layer.output.shape[0]
    if layer.bias.shape != (channels,) or layer.bias.dtype != np.int64:
        raise ValueError(f"layer {name!r}: bias must be {channels} int64, not {layer.bias.shape}")
    if layer.scales is not None and len(layer.scales) != channels:
        raise ValueError(f"layer {name!r}: {len(layer.scales)} scales, must be {channels}")
    if not layer.raw and not 0 < layer.q_max < 2**layer.output.bits:
        raise ValueError(
            f"layer {name!r}: q_max {layer.q_max}, must be 1..{2**layer.output.bits - 1}"
        )
    uses = np.zeros(channels, int)
    for source in layer.sources:
        tensor = _tensor(name, source.tensor, known)
        weights = source.weights
        if weights.ndim != 4 or weights.dtype != np.int64:
            raise ValueError(f"layer {name!r}: weights must be int64 of (O, I, kh, kw)")
        if tensor.shape[0] != weights.shape[1] * source.groups or len(weights) % source.groups:
            raise ValueError(
                f"layer {name!r}: weights {weights.shape} in {source.groups} groups do not fit "
                f"{tensor.shape[0]} channels of {tensor.name!r}"
            )
        end = source.first_channel + len(weights)
        if not 0 <= source.first_channel < end <= channels:
            raise ValueError(
                f"layer {name!r}: channels {source.first_channel}..{end - 1} of {channels}"
            )
        uses[source.first_channel : end] += 1
        kernel = (weights.shape[2], weights.shape[3])
        _check_shape(name, layer.output, tensor, kernel, source)
    if uses.min() < 1 or uses.max() > 2:
        raise ValueError(f"layer {name!r}: every output channel needs one or two sources")
    bits = accumulator_bits(layer, known)
    if bits > 48:
        raise ValueError(f"layer {name!r}: sums need {bits} bits, must be at most 48")


def _tensor(layer: str, name: str, known: dict[str, Tensor]) -> Tensor:
    if name not in known:
        raise ValueError(f"layer {layer!r}: reads {name!r}, which no earlier layer makes")
    return known[name]


def _check_shape(
    name: str, output: Tensor, source: Tensor, kernel: Pair, window: Source | MaxPool
) -> None:
    stride, padding, end = window.stride, window.padding, ends(window)
    if min(*kernel, *stride) < 1 or min(padding) < 0:
        raise ValueError(f"layer {name!r}: kernel {kernel}, stride {stride}, padding {padding}")
    size = tuple(
        window_count(source.shape[axis + 1], kernel[axis], stride[axis], padding[axis], end[axis])
        for axis in (0, 1)
    )
    if size != output.shape[1:]:
        raise ValueError(f"layer {name!r}: output is {output.shape[1:]}, its windows give {size}")
