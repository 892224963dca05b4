"""Bit layouts of the program format, shared by the compiler, the interpreter and the RTL.

A record is an ordered mapping of field name to width, first field in the lowest bits. Records in
the descriptor memory are multiples of 32 bits, lowest word first. The descriptor memory begins
with a directory of MAX_POINTS entries; an entry whose first word is 0 holds no operating point.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import MAX_STEPS

__all__ = [
    "CORE",
    "CORE_WORDS",
    "END_SECTION",
    "MAGIC",
    "MAX_POINTS",
    "PASS",
    "PASS_WORDS",
    "POINT_WORDS",
    "SEGMENT",
    "SEGMENT_WORDS",
    "TAPS",
    "directory_stride",
    "pack",
    "pack_words",
    "term_fields",
    "unpack_array",
]

Fields = Mapping[str, int]

TAPS = 3
"""Neighbours that a lane can reach in one buffered row: offsets 0, 1 and 2."""

MAGIC = 0x4E4E4150
"""First word of a program stream ("PANN", lowest byte first)."""

END_SECTION = 0xFFFF
"""Section target that ends a program stream; its checksum follows."""

MAX_POINTS = 8
"""Operating points that one program stream may hold."""

PASS: Fields = {
    "pool": 1,
    "final": 1,
    "raw": 1,
    "two_segments": 1,
    "steps": 3,
    "_reserved": 1,
    "cores": 8,
    "q_max": 8,
    "last_valid": 8,
    "output_base": 16,
    "output_pitch": 16,
    "rows": 16,
    "tiles_per_row": 16,
}
"""One pass: up to C output channels of one layer (all channels for max pooling).

pool: max pooling, else accumulation; final: last pass of the inference; raw: accumulators go to
the output stream; two_segments: inputs come from two tensors; steps: requantiser steps;
cores: active cores; last_valid: lanes in use in a row's last tile; output_base, output_pitch: word
addresses of the first output channel and from channel to channel; rows, tiles_per_row: output size.
"""

SEGMENT: Fields = {
    "origin": 16,
    "channel_pitch": 16,
    "row_step": 16,
    "row_words": 16,
    "channels": 16,
    "height": 16,
    "kernel_height": 8,
    "kernel_width": 8,
    "pad_top": 8,
    "pad_left": 8,
    "stride_x": 8,
    "stride_y": 8,
    "last_valid": 8,
    "pad_value": 8,
}
"""One tensor as a pass reads it.

origin: word address of the first channel's row -pad_top (modulo 2**16); channel_pitch, row_words:
words from channel to channel and row to row; row_step: stride_y * row_words; last_valid: elements
in a row's last word; pad_value: what out-of-range elements count as.
"""

CORE: Fields = {
    "bias": 32,
    **{
        f"{field}{index}": width
        for index in range(MAX_STEPS)
        for field, width in (("add", 1), ("subtract", 1), ("shift", 4))
    },
    "_reserved": 8,
}
"""What a core needs to know of its output channel: bias, and the requantiser's steps."""

PASS_WORDS = sum(PASS.values()) // 32
SEGMENT_WORDS = sum(SEGMENT.values()) // 32
CORE_WORDS = sum(CORE.values()) // 32
POINT_WORDS = 2
"""Words of a directory entry before the term addresses: (first pass | input base),
(input row elements | input rows)."""


def directory_stride(config: AcceleratorConfig) -> int:
    """Words from one directory entry to the next: a power of two."""
    return 1 << (POINT_WORDS + config.cores * config.rails - 1).bit_length()


def term_fields(config: AcceleratorConfig) -> Fields:
    """A rail's term: first advance by so many windows, then add the operand at ``offset``.

    last: ends the tile; add: 0 for a term that only advances; subtract: one-rail lanes only;
    shift: csd lanes only.
    """
    fields = {"last": 1, "add": 1, "advance": (config.window_slots - 1).bit_length(), "offset": 2}
    if config.rails == 1:
        fields["subtract"] = 1
    if config.shift:
        fields["shift"] = config.shift.bit_length()
    return fields


def pack(fields: Fields, values: Mapping[str, int]) -> int:
    """The record as one integer; fields left out are 0.

    Raises
    ------
    ValueError : a value that its field cannot hold, or a name that the record does not have
    """
    unknown = set(values) - set(fields)
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}, the record has {list(fields)}")
    word, position = 0, 0
    for name, width in fields.items():
        value = values.get(name, 0)
        if not 0 <= value < 1 << width:
            raise ValueError(f"field {name!r}: {value}, must be 0..{(1 << width) - 1}")
        word |= value << position
        position += width
    return word


def pack_words(fields: Fields, values: Mapping[str, int]) -> list[int]:
    """The record as 32-bit words, lowest first."""
    record = pack(fields, values)
    return [record >> low & 0xFFFFFFFF for low in range(0, sum(fields.values()), 32)]


def unpack_array(fields: Fields, words: np.ndarray) -> dict[str, np.ndarray]:
    """Every field of an array of records that fit an integer, as int64 arrays of its shape."""
    values, position = {}, 0
    for name, width in fields.items():
        values[name] = words.astype(np.int64) >> position & (1 << width) - 1
        position += width
    return values
