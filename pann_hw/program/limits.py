"""What the fields of the program format can hold; what is beyond is refused before compiling."""

from __future__ import annotations

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, MaxPool, Source, Tensor

__all__ = ["check_tensors", "check_windows"]

_FIELD = 2**16 - 1
"""Largest value of an address, size or pitch."""

_SMALL_FIELD = 2**8 - 1
"""Largest value of a kernel size, vertical stride or padding."""


def check_tensors(network: IntegerNetwork, config: AcceleratorConfig) -> None:
    """Check the sizes of all tensors.

    Raises
    ------
    InputError : names the tensor, what it has and what the program format can hold
    """
    for tensor in network.tensors.values():
        _, height, _ = tensor.shape
        words = height * _row_words(tensor, config)
        if max(tensor.shape) > _FIELD:
            raise InputError(
                f"tensor {tensor.name!r} has shape {tensor.shape}: each size must be at most "
                f"{_FIELD}; split the network's input"
            )
        if words > _FIELD:
            raise InputError(
                f"tensor {tensor.name!r} of shape {tensor.shape} takes {words} words a channel, "
                f"must be at most {_FIELD}: raise lanes, or split the network's input"
            )
    channels, height, _ = network.input.shape
    if channels * height > _FIELD:
        raise InputError(
            f"the input of shape {network.input.shape} has {channels * height} rows in all its "
            f"channels, must be at most {_FIELD}: give it fewer, longer rows"
        )


def check_windows(
    name: str,
    source: Source | MaxPool,
    kernel: tuple[int, int],
    tensor: Tensor,
    config: AcceleratorConfig,
) -> None:
    """Check how a layer reads a tensor.

    Parameters
    ----------
    name : of the layer's output, for the message

    Raises
    ------
    InputError : names the layer, what it has and what the program format can hold
    """
    if max(*kernel, *source.padding, source.stride[0]) > _SMALL_FIELD:
        raise InputError(
            f"layer {name!r}: kernel {kernel}, stride {source.stride}, padding {source.padding}: "
            f"each must be at most {_SMALL_FIELD}; split the layer"
        )
    words = source.stride[0] * _row_words(tensor, config)
    if words > _FIELD:
        raise InputError(
            f"layer {name!r}: a vertical stride of {source.stride[0]} is {words} words of "
            f"{tensor.name!r}, must be at most {_FIELD}: raise lanes"
        )


def _row_words(tensor: Tensor, config: AcceleratorConfig) -> int:
    return -(-tensor.shape[2] // config.lanes)
