"""Inputs and results of inferences as the bytes that go over the link."""

from __future__ import annotations

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.link.protocol import OPERATION_COUNT, Operation

__all__ = ["beat_bytes", "input_operations", "pack_inputs", "sum_bytes", "unpack_sums"]


def beat_bytes(config: AcceleratorConfig) -> int:
    """Bytes of a beat of the input: whole ones."""
    return -(-config.operand_width * config.input_elements // 8)


def sum_bytes(config: AcceleratorConfig) -> int:
    """Bytes of a sum: whole ones."""
    return -(-config.accumulator_width // 8)


def pack_inputs(inputs: np.ndarray, config: AcceleratorConfig) -> np.ndarray:
    """Inputs (n, elements) as uint8 (n, beats, bytes of a beat), the first element lowest.

    Raises
    ------
    ValueError : an element is larger than the hardware's operands
    """
    elements, bits = config.input_elements, config.operand_width
    largest = 2**bits - 1
    if inputs.size and not 0 <= inputs.min() <= inputs.max() <= largest:
        raise ValueError(f"inputs are {inputs.min()}..{inputs.max()}, must be 0..{largest}")
    count, length = inputs.shape
    beats = -(-length // elements)
    padded = np.zeros((count, beats * elements), np.uint8)
    padded[:, :length] = inputs
    each = padded.reshape(count, beats, elements, 1) >> np.arange(bits) & 1
    packed: np.ndarray = np.packbits(
        each.reshape(count, beats, elements * bits).astype(np.uint8), axis=2, bitorder="little"
    )
    return packed


def input_operations(beats: np.ndarray) -> bytes:
    """The operations that give an input (beats, bytes of a beat) to the accelerator."""
    parts = []
    for start in range(0, len(beats), OPERATION_COUNT):
        part = beats[start : start + OPERATION_COUNT]
        last = Operation.LAST if start + OPERATION_COUNT >= len(beats) else 0
        parts.append(bytes((Operation.INPUT | last, len(part) - 1)) + part.tobytes())
    return b"".join(parts)


def unpack_sums(sums: np.ndarray) -> np.ndarray:
    """Sums (n, outputs, bytes of a sum), the lowest byte first, signed, as int64 (n, outputs)."""
    width = sums.shape[2]
    values = (sums.astype(np.int64) << 8 * np.arange(width)).sum(2)
    result: np.ndarray = np.where(values >> 8 * width - 1, values - (1 << 8 * width), values)
    return result
