"""What the fields of the program format can hold; what is beyond is refused before compiling."""

from __future__ import annotations

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, MaxPool, Source
from pann_hw.program.grid import Grid

__all__ = ["check_tensors", "check_windows"]

_FIELD = 2**16 - 1
"""Largest value of an address, size or pitch."""

_SMALL_FIELD = 2**8 - 1
"""Largest value of a kernel size or stride."""

_SIGNED_FIELD = 2**7 - 1
"""Largest number of lanes or strips that a window is turned by."""


def check_tensors(
    network: IntegerNetwork, grids: dict[str, Grid], config: AcceleratorConfig
) -> None:
    """Check the sizes of all tensors.

    Raises
    ------
    InputError : names the tensor, what it has and what the program format can hold
    """
    for tensor in network.tensors.values():
        words = grids[tensor.name].words
        stored = tensor.name != network.layers[-1].output.name
        if stored and tensor.bits > config.operand_width:
            option = "input" if tensor is network.input else "activation"
            raise InputError(
                f"tensor {tensor.name!r} has {tensor.bits} bits, the configuration's operands "
                f"{config.operand_width}: raise operand_width (at most 8), or quantise with "
                f"--{option}-bits {config.operand_width}"
            )
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


def check_windows(
    name: str, source: Source | MaxPool, kernel: tuple[int, int], grid: Grid, output: Grid
) -> None:
    """Check how a layer reads a tensor.

    Parameters
    ----------
    name : of the layer's output, for the message
    grid, output : of the tensor, and of the layer's output

    Raises
    ------
    InputError : names the layer, what it has and what the program format can hold
    """
    if max(*kernel, *source.padding, *source.stride) > _SMALL_FIELD:
        raise InputError(
            f"layer {name!r}: kernel {kernel}, stride {source.stride}, padding {source.padding}: "
            f"each must be at most {_SMALL_FIELD}; split the layer"
        )
    blocks, outputs = (grid.rows, grid.steps), (output.rows, output.steps)
    reach = 0
    for axis in (0, 1):
        first = -source.padding[axis]
        last = first + source.stride[axis] * (outputs[axis] - 1) + kernel[axis] - 1
        reach = max(reach, -(first // blocks[axis]), last // blocks[axis])
    if reach > _SIGNED_FIELD:
        raise InputError(
            f"layer {name!r}: kernel {kernel} with padding {source.padding} reaches over "
            f"{reach} lanes, must be at most {_SIGNED_FIELD}; split the layer"
        )
