"""The exact reference: every value of an integer network, computed with PyTorch.

Convolutions run in float64 on integers. Every partial sum stays below 2**53, so it is exact in any
order of additions and no float rounding decides a result; requantisation is int64 throughout.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from pann_hw.errors import InputError
from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    Layer,
    MaxPool,
    Source,
    Tensor,
    accumulator_bits,
    sides,
)
from pann_hw.integer.requantise import requantise

__all__ = ["check_images", "predict", "quantise_input", "run", "run_layer"]

_EXACT_BITS = 53
_BATCH = 256


def check_images(x: np.ndarray, shape: tuple[int, int, int], what: str = "x") -> None:
    """Check float network inputs: real numbers of shape (n, \\*shape), n >= 1, all finite.

    Raises
    ------
    InputError : naming ``what``, what was found and what is allowed
    """
    if x.dtype.kind not in "fiu":
        raise InputError(f"{what} is of type {x.dtype}, must be of real numbers, such as float32")
    if x.shape[1:] != shape or x.ndim != 4:
        raise InputError(
            f"{what} has shape {x.shape}, must be (samples, {', '.join(map(str, shape))})"
        )
    if len(x) == 0:
        raise InputError(f"{what} has no samples, must have at least one")
    if not np.isfinite(x).all():
        count = int((~np.isfinite(x)).sum())
        raise InputError(f"{what} has {count} NaN or infinite values, must be finite: remove them")


def quantise_input(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """The network's unsigned input integers for float inputs.

    ``q = min(max(floor(x / scale + zero_point + 1/2), 0), 2**bits - 1)`` with the input tensor's
    scale and zero point, every operation in float64 and in this order (division, addition of the
    zero point, addition of 1/2, floor).

    Parameters
    ----------
    x : real numbers of shape (n, C, H, W)

    Returns
    -------
    int64 array of shape (n, C, H, W)

    Raises
    ------
    InputError : wrong shape or dtype, no samples, NaN or infinite values
    """
    tensor = network.input
    check_images(x, tensor.shape)
    q = np.floor(x.astype(np.float64) / tensor.scale + tensor.zero_point + 0.5)
    return q.clip(0, 2**tensor.bits - 1).astype(np.int64)


def run(network: IntegerNetwork, x: np.ndarray | torch.Tensor) -> dict[str, torch.Tensor]:
    """Every tensor of the network by name, exactly: the input, all layers, the raw output last.

    Parameters
    ----------
    x : integers of shape (n, C, H, W) in 0..2**bits - 1 of the network's input

    Returns
    -------
    int64 tensors of shape (n, C, H, W)

    Raises
    ------
    ValueError : x is not of integers, has another shape or a value out of range
    """
    values = {network.input.name: _checked(network.input, torch.as_tensor(x))}
    tensors = network.tensors
    for layer in network.layers:
        values[layer.output.name] = run_layer(layer, values, tensors)
    return values


def run_layer(
    layer: Layer, values: dict[str, torch.Tensor], tensors: dict[str, Tensor]
) -> torch.Tensor:
    """The int64 output (n, C, H, W) of one layer, given the values and the types of its inputs."""
    if isinstance(layer, MaxPool):
        return _max_pool(layer, values[layer.tensor])
    return _accumulate(layer, values, tensors)


def predict(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """Class indices (n,) for float inputs (n, C, H, W): argmax of the flattened raw output.

    Raises
    ------
    InputError : as :func:`quantise_input`
    """
    q = quantise_input(network, x)
    name = network.layers[-1].output.name
    parts = [
        run(network, q[start : start + _BATCH])[name].flatten(1).argmax(1)
        for start in range(0, len(q), _BATCH)
    ]
    return torch.cat(parts).numpy()


def _checked(tensor: Tensor, x: torch.Tensor) -> torch.Tensor:
    if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise ValueError(f"input is {x.dtype}, must be integers: use quantise_input()")
    if x.ndim != 4 or tuple(x.shape[1:]) != tensor.shape:
        raise ValueError(f"input has shape {tuple(x.shape)}, must be (n, {tensor.shape})")
    if x.numel() and not 0 <= int(x.min()) <= int(x.max()) < 2**tensor.bits:
        raise ValueError(
            f"input has values {int(x.min())}..{int(x.max())}, must be 0..{2**tensor.bits - 1}"
        )
    return x.to(torch.int64)


def _accumulate(
    layer: Accumulate, values: dict[str, torch.Tensor], tensors: dict[str, Tensor]
) -> torch.Tensor:
    bits = accumulator_bits(layer, tensors)
    if bits > _EXACT_BITS:
        raise ValueError(f"layer {layer.output.name!r}: sums need {bits} bits, must be at most 53")
    batch = len(values[layer.sources[0].tensor])
    bias = torch.from_numpy(layer.bias).view(1, -1, 1, 1)
    total = bias.expand(batch, *layer.output.shape).clone()
    for source in layer.sources:
        part = _convolve(source, values[source.tensor], tensors[source.tensor].zero_point)
        total[:, source.first_channel : source.first_channel + part.shape[1]] += part
    if layer.scales is None:
        return total
    result = torch.empty_like(total)
    for scale in dict.fromkeys(layer.scales):
        channels = [index for index, other in enumerate(layer.scales) if other == scale]
        result[:, channels] = torch.as_tensor(requantise(total[:, channels], scale, layer.q_max))
    return result


def _convolve(source: Source, x: torch.Tensor, zero_point: int) -> torch.Tensor:
    padded = F.pad(x, sides(source), value=zero_point)
    weights = torch.from_numpy(source.weights)
    result = F.conv2d(padded.double(), weights.double(), None, source.stride, 0, 1, source.groups)
    return result.to(torch.int64)


def _max_pool(layer: MaxPool, x: torch.Tensor) -> torch.Tensor:
    padded = F.pad(x, sides(layer), value=0)
    return F.max_pool2d(padded.double(), layer.kernel, layer.stride).to(torch.int64)
