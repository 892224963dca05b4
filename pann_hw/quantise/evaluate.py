"""Integer networks on many images, fast: in floats that hold every integer that comes up.

The values are those of the reference, ``pann_hw.integer.run``, at a tenth of its time:
convolutions run in float32 where a layer's sums stay below 2**24, and requantising is

    y = min(max(floor(a * M / 2**S + 1/2), 0), q_max)

at once, in float32 where the product stays below 2**23 and in float64 where it stays below 2**52.
What is larger, and max pooling, runs as in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    Layer,
    Source,
    Tensor,
    accumulator_bits,
    sides,
)
from pann_hw.integer.requantise import Scale, requantise
from pann_hw.integer.run import quantise_input, run_layer

__all__ = ["accumulators", "activations", "layer_values", "outputs", "quantised", "windows"]

_EXACT_BITS = 25
"""Signed bits of the integers that float32 holds without gaps."""

_EXACT = {torch.float32: 2**23, torch.float64: 2**52}
"""Below it a type holds every integer, and every half."""

_BATCH = 32
"""Images at a time: their largest activation maps stay in a processor's cache."""


def quantised(network: IntegerNetwork, x: np.ndarray) -> torch.Tensor:
    """The network's input as uint8 (n, C, H, W), for float inputs of that shape.

    Raises
    ------
    InputError : as quantise_input()
    """
    return torch.from_numpy(quantise_input(network, x).astype(np.uint8))


def accumulators(
    layer: Accumulate, values: Mapping[str, torch.Tensor], tensors: dict[str, Tensor]
) -> torch.Tensor:
    """The sums of a layer, bias included: integers (n, C, H, W) as float32, or float64 where they
    may have more bits than it holds.

    Parameters
    ----------
    values : uint8 (n, C, H, W) by name, the layer's inputs among them
    tensors : the network's tensors by name

    Raises
    ------
    ValueError : sums that need more than 53 bits
    """
    if accumulator_bits(layer, tensors) > _EXACT_BITS:
        return _reference(replace(layer, scales=None), values, tensors).double()
    bias = torch.from_numpy(layer.bias).float()
    if all(len(source.weights) == len(bias) for source in layer.sources):
        first, *others = layer.sources
        sums = _convolve(first, values[first.tensor], tensors[first.tensor].zero_point, bias)
    else:
        batch = len(values[layer.sources[0].tensor])
        sums = bias.view(1, -1, 1, 1).expand(batch, *layer.output.shape).clone()
        others = list(layer.sources)
    for source in others:
        part = _convolve(source, values[source.tensor], tensors[source.tensor].zero_point)
        sums[:, source.first_channel : source.first_channel + part.shape[1]] += part
    return sums


def activations(layer: Accumulate, sums: torch.Tensor) -> torch.Tensor:
    """What a layer makes of its sums: uint8; of a raw layer the sums themselves, int64."""
    if layer.scales is None:
        return sums.long()
    if len(set(layer.scales)) == 1:
        return _requantised(sums, layer.scales[0], layer.q_max)
    result = torch.empty(sums.shape, dtype=torch.uint8)
    for scale in dict.fromkeys(layer.scales):
        channels = [index for index, other in enumerate(layer.scales) if other == scale]
        result[:, channels] = _requantised(sums[:, channels], scale, layer.q_max)
    return result


def layer_values(
    layer: Layer, values: Mapping[str, torch.Tensor], tensors: dict[str, Tensor]
) -> torch.Tensor:
    """The output of one layer: uint8 (n, C, H, W); the sums of a raw one, int64."""
    if isinstance(layer, Accumulate):
        return activations(layer, accumulators(layer, values, tensors))
    return _reference(layer, values, tensors).to(torch.uint8)


def windows(source: Source, x: torch.Tensor, tensor: Tensor) -> torch.Tensor:
    """What a source makes of a tensor's integers (n, C, H, W), its zero point taken out: float32.

    Exact where sums stay below 2**24.
    """
    return _convolve(source, x.float() - tensor.zero_point, 0)


def outputs(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """The network's raw outputs for float inputs (n, C, H, W): int64 (n, C * H * W).

    Raises
    ------
    InputError : as quantise_input()
    """
    tensors = network.tensors
    parts = []
    for start in range(0, max(len(x), 1), _BATCH):
        values = {network.input.name: quantised(network, x[start : start + _BATCH])}
        for layer in network.layers:
            values[layer.output.name] = layer_values(layer, values, tensors)
        parts.append(values[network.layers[-1].output.name].flatten(1))
    result: np.ndarray = torch.cat(parts).numpy()
    return result


def _reference(
    layer: Layer, values: Mapping[str, torch.Tensor], tensors: dict[str, Tensor]
) -> torch.Tensor:
    sources = layer.sources if isinstance(layer, Accumulate) else (layer,)
    return run_layer(layer, {one.tensor: values[one.tensor].long() for one in sources}, tensors)


def _convolve(
    source: Source, x: torch.Tensor, zero_point: int, bias: torch.Tensor | None = None
) -> torch.Tensor:
    x = x.float()
    padding = source.padding
    if zero_point or source.end_padding is not None:
        x, padding = F.pad(x, sides(source), value=zero_point), (0, 0)
    weights = torch.from_numpy(source.weights).float()
    if source.groups == len(weights) and weights[0].numel() == 1 and padding == (0, 0):
        # One product for each output: torch is slow at groups of one channel.
        rows, columns = source.stride
        part = x[:, :, ::rows, ::columns] * weights.view(1, -1, 1, 1)
        return part if bias is None else part.add_(bias.view(1, -1, 1, 1))
    return F.conv2d(x, weights, bias, source.stride, padding, 1, source.groups)


def _requantised(sums: torch.Tensor, scale: Scale, q_max: int) -> torch.Tensor:
    factor = scale.value
    low, high = sums.aminmax()
    largest = max(-int(low), int(high)) * factor.numerator
    if max(largest, factor.denominator) >= _EXACT[torch.float64]:
        return torch.as_tensor(requantise(sums.long(), scale, q_max)).to(torch.uint8)
    if max(largest, factor.denominator) >= _EXACT[torch.float32]:
        sums = sums.double()
    result = (sums * float(factor)).add_(0.5)
    # Truncation is the floor of what is not negative.
    return result.clamp_(0, q_max).to(torch.uint8)
