"""Bit layouts of the program format, shared by the compiler, the interpreter and the RTL.

A record is an ordered mapping of field name to width, first field in the lowest bits. Records in
the descriptor memory are multiples of 32 bits, lowest word first. The descriptor memory begins
with a directory of MAX_POINTS entries; an entry whose first word is 0 holds no operating point.
"""

from __future__ import annotations

from collections.abc import Mapping

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import MAX_STEPS

__all__ = [
    "CORE",
    "CORE_WORDS",
    "END_SECTION",
    "LINEAR",
    "MAGIC",
    "MAX_POINTS",
    "NO_TERM",
    "PASS",
    "PASS_WORDS",
    "POINT",
    "POINT_WORDS",
    "SEGMENT",
    "SEGMENT_WORDS",
    "STEP",
    "Fields",
    "ahead_bits",
    "bundle_fields",
    "bundle_words",
    "directory_stride",
    "pack",
    "pack_words",
    "unpack",
    "used_pass",
    "used_segment",
]

Fields = Mapping[str, int]

MAGIC = 0x4E4E4150
"""First word of a program stream ("PANN", lowest byte first)."""

END_SECTION = 0xFFFF
"""Section target that ends a program stream; its checksum follows."""

MAX_POINTS = 8
"""Operating points that one program stream may hold."""

NO_TERM = 3
"""Offset that stands for no term."""

PASS: Fields = {
    "pool": 1,
    "final": 1,
    "raw": 1,
    "two_segments": 1,
    "after": 1,
    "steps": 3,
    "columns_bits": 3,
    "frees_input": 1,
    "halve": 1,
    "linear": 1,
    "_reserved": 2,
    "cores": 8,
    "q_max": 8,
    "windows": 8,
    "strips": 8,
    "columns": 8,
    "bank": 3,
    "pass_windows": 5,
    "output_base": 16,
    "output_pitch": 16,
    "rows": 16,
    "steps_wide": 16,
    "last_rows": 16,
    "last_steps": 16,
}
"""One pass: up to C output channels of one layer (all channels for max pooling).

pool: max pooling, linear: lanes are outputs, else accumulation; final: last pass of the inference;
raw: accumulators go to the output stream; two_segments: inputs come from two tensors; after: reads
what an earlier pass has to store first; frees_input: from here on nothing reads the input or stores
in its place; halve: words are stored in a grid of half as many columns; steps: requantiser steps;
columns_bits: lanes side by side in the grid, as a power of two; cores: active cores; windows,
pass_windows: of a tile, and of all, modulo 2 * window_slots; strips, columns: lanes of the grid
that own a pixel; bank, output_base: where the first output channel lies; output_pitch: words from a
channel to the next in the same bank; rows, steps_wide: a lane's block, whose pixels are the tiles;
last_rows, last_steps: of them in the last strip and column.
"""

SEGMENT: Fields = {
    "base": 16,
    "pitch": 16,
    "groups": 16,
    "rows": 16,
    "steps": 16,
    "row_step": 16,
    "first_row": 16,
    "first_address": 16,
    "first_step": 16,
    "last_rows": 16,
    "last_steps": 16,
    "kernel_height": 8,
    "row_windows": 8,
    "next_row": 8,
    "next_strip": 8,
    "next_step": 8,
    "next_lane": 8,
    "first_strip": 8,
    "first_lane": 8,
    "strips": 8,
    "columns": 8,
    "pad_value": 8,
    "shared": 1,
    "by_rows": 1,
    "pairs": 1,
    "_reserved": 21,
}
"""One tensor as a pass reads it.

base: word of the first group of channels; pitch: words from group to group, rows * steps; groups:
of channels; rows, steps: a lane's block; next_strip, next_row: from a tile to the one below, in
whole blocks and rows; row_step: words of next_row; next_lane, next_step: from a tile to the one
beside it; first_row, first_strip, first_address: of the first tile's uppermost window (strips from
the lane's own, modulo 2**8; words from the channel's first); first_step, first_lane: of its
leftmost one; strips, columns: lanes that own a pixel; last_rows, last_steps: rows and pixels of the
last strip's and column's blocks in the map; row_windows: of a kernel row; shared: those in the own
lane hold the taps of the lanes beside it too; pairs: every other lane's, with those of the lane to
the right; by_rows: groups of channels come innermost;
pad_value: what elements outside the map count as.
"""

LINEAR: Fields = {
    "base": 16,
    "words": 16,
    "column": 16,
    "biases": 8,
    "span": 8,
    "last_words": 16,
    "last_bank": 2,
    "_reserved": 206,
}
"""What a linear pass reads, in the place of its first segment.

base, words: of the activation memory, in all banks; column: the first column of weights; biases:
of the columns hold the bias, highest digit first; span: lanes of a word that are looked at;
last_words: the last of the words, in which no bank above last_bank has a channel. A column follows
for each lane looked at, of all banks' words at one address after another.
"""

STEP: Fields = {"add": 1, "subtract": 1, "shift": 4}
"""A step of the requantiser."""

CORE: Fields = {
    "bias": 32,
    **{f"{field}{index}": width for index in range(MAX_STEPS) for field, width in STEP.items()},
    "_reserved": 8,
}
"""What a core needs to know of its output channel: bias, and the requantiser's steps."""

PASS_WORDS = sum(PASS.values()) // 32
SEGMENT_WORDS = sum(SEGMENT.values()) // 32
CORE_WORDS = sum(CORE.values()) // 32
POINT: Fields = {
    "first_pass": 16,
    "base": 16,
    "rows": 16,
    "steps": 16,
    "last_rows": 16,
    "last_steps": 16,
    "channels": 16,
    "pitch": 16,
    "strips": 8,
    "columns": 8,
    "columns_bits": 3,
    "transposed": 1,
    "whole_beats": 1,
    "_reserved": 11,
}
"""An operating point: address of its first pass, and how its input lies in memory.

base, pitch: words of the first channel, and from a channel to the next in the same bank; channels:
of the input; rows, steps, last_rows, last_steps, strips, columns, columns_bits: as in a pass;
transposed: the input's rows lie down the columns; whole_beats: each beat of the input stream is
neighbouring lanes of one word, written at once, and columns counts beats. The address of the first
bundle in each core's term memory follows, a word each.
"""

POINT_WORDS = sum(POINT.values()) // 32


def used_pass(config: AcceleratorConfig) -> Fields:
    """Bits of the fields of PASS that a configuration's programs use; those above are 0."""
    lanes = config.lanes.bit_length()
    windows = config.window_slots.bit_length()
    used = {
        **_used_sizes(PASS, config),
        "pool": int(config.windows),
        "halve": int(config.halves),
        "linear": int(config.linear),
        "cores": config.cores.bit_length(),
        "q_max": config.operand_width,
        "windows": windows,
        "pass_windows": windows,
        "strips": lanes,
        "columns": lanes,
        "bank": config.banks.bit_length() - 1,
    }
    return {name: used.get(name, width) for name, width in PASS.items()}


def used_segment(config: AcceleratorConfig) -> Fields:
    """Bits of the fields of SEGMENT that a configuration's programs use; those above are 0."""
    lanes = config.lanes.bit_length()
    used = {
        **_used_sizes(SEGMENT, config),
        "strips": lanes,
        "columns": lanes,
        "pad_value": config.operand_width,
        "_reserved": 0,
    }
    return {name: used.get(name, width) for name, width in SEGMENT.items()}


def _used_sizes(fields: Fields, config: AcceleratorConfig) -> dict[str, int]:
    """Fields of 16 bits count words, rows or pixels of what lies in a bank."""
    return {name: config.size_bits for name, width in fields.items() if width == 16}


def directory_stride(config: AcceleratorConfig) -> int:
    """Words from one directory entry to the next: a power of two."""
    return 1 << (POINT_WORDS + config.cores - 1).bit_length()


def ahead_bits(config: AcceleratorConfig) -> int:
    """Bits of a term's distance from the first window of its bundle."""
    # Terms of one sign are taken from many windows before those of the other sign.
    return (config.window_slots - 1).bit_length() if config.unsigned else 2


def bundle_fields(config: AcceleratorConfig) -> Fields:
    """A bundle of terms, which a core adds in one cycle.

    advance: windows to step forward first; last: ends the tile; then for each term: offset: 0, 1 or
    2 for the left neighbour's, the own and the right neighbour's element, 3 for no term; ahead:
    windows from there to the term's; negative: subtract; factor: the shift, or what the operand is
    multiplied by (see :mod:`pann_hw.program.encoding`); not for unary lanes.
    """
    fields = {"last": 1, "advance": (config.window_slots - 1).bit_length()}
    for term in range(config.terms):
        fields |= {f"offset{term}": 2, f"ahead{term}": ahead_bits(config), f"negative{term}": 1}
        if config.factor_bits:
            fields[f"factor{term}"] = config.factor_bits
    return fields


def bundle_words(config: AcceleratorConfig) -> int:
    """32-bit words of the program stream for a bundle: 1 or 2."""
    return -(-sum(bundle_fields(config).values()) // 32)


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


def unpack(fields: Fields, word: int) -> dict[str, int]:
    """Every field of a record that is given as one integer."""
    values, position = {}, 0
    for name, width in fields.items():
        values[name] = word >> position & (1 << width) - 1
        position += width
    return values
