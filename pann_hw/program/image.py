"""Memory images: programs of one network linked into the words that the accelerator loads.

A program stream is a sequence of 32-bit words:

    MAGIC | fingerprint of the configuration
    per section: target (low half) and start address (high half) | word count | that many words
    END_SECTION | CRC-32 (ISO-HDLC) of all words before it, each lowest byte first

Target 0 is the descriptor memory, 1 + core a term memory: a word for each bundle, or two, the lower
one first, and start and count in such words. 1 + cores + core is a weight memory, where there is
one: as many words as a column takes, the lowest lanes first.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.requantise import MAX_STEPS, Scale
from pann_hw.program.grid import Grid
from pann_hw.program.layout import (
    CORE,
    END_SECTION,
    LINEAR,
    MAGIC,
    MAX_POINTS,
    PASS,
    POINT,
    SEGMENT,
    bundle_words,
    directory_stride,
    pack_words,
)
from pann_hw.program.program import Pass, Program

__all__ = ["Image", "column_integers", "link"]


@dataclass(frozen=True, eq=False)
class Image:
    """Contents of all program memories, for up to MAX_POINTS operating points.

    Attributes
    ----------
    config : the hardware that it is for
    descriptors : uint32 words, the directory first
    terms : uint64 bundles per core
    weights : int64 columns (columns, N) per core; none without weight memories
    """

    config: AcceleratorConfig
    descriptors: np.ndarray
    terms: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...] = ()

    def stream(self) -> np.ndarray:
        """The program stream as uint32 words."""
        parts = bundle_words(self.config)
        memories = [self.descriptors]
        for terms in self.terms:
            halves = np.stack([terms & np.uint64(0xFFFFFFFF), terms >> np.uint64(32)], 1)
            memories.append(halves[:, :parts].ravel())
        memories += [
            _column_bytes(weights, self.config).view("<u4").ravel() for weights in self.weights
        ]
        words = [MAGIC, self.config.fingerprint]
        for target, memory in enumerate(memories):
            if len(memory):
                words += [target, len(memory), *memory.tolist()]
        words.append(END_SECTION)
        stream = np.array(words, dtype="<u4")
        return np.append(stream, np.uint32(zlib.crc32(stream.tobytes())))


def link(programs: Sequence[Program]) -> Image:
    """One image that holds every program as an operating point, in order.

    Raises
    ------
    InputError : no program, more than MAX_POINTS, programs for different configurations, or
        memories too small for all of them together
    """
    if not 1 <= len(programs) <= MAX_POINTS:
        raise InputError(f"{len(programs)} operating points, must be 1..{MAX_POINTS}")
    config = programs[0].config
    if any(program.config != config for program in programs):
        raise InputError("the programs are for different configurations; compile all for one")
    # The next inference may be of any point: its input must lie where this one's did.
    inputs = {program.placements[program.input] for program in programs}
    directory = np.zeros(MAX_POINTS * directory_stride(config), dtype=np.uint32)
    body: list[int] = []
    terms: list[list[np.ndarray]] = [[] for _ in range(config.cores)]
    weights: list[list[np.ndarray]] = [[] for _ in range(config.cores * config.linear)]
    column = 0
    for point, program in enumerate(programs):
        entry = point * directory_stride(config)
        words = [*_point(program, len(directory) + len(body))]
        words += [sum(map(len, memory)) for memory in terms]
        directory[entry : entry + len(words)] = words
        for index, item in enumerate(program.passes):
            final, early = index == len(program.passes) - 1, len(inputs) == 1
            body += _descriptor(item, config, column, final=final, early_input=early)
            if item.columns:
                idle = np.zeros((len(item.columns), config.lanes), np.int64)
                for core, columns in enumerate(weights):
                    used = core < item.channels
                    columns.append(item.columns.weights[core] if used else idle)
                column += len(item.columns)
            for memory, stream in zip(terms, item.bundles, strict=False):
                memory.append(stream)
    descriptors = np.append(directory, np.array(body, dtype=np.uint32))
    memories = tuple(np.concatenate([np.zeros(0, np.uint64), *parts]) for parts in terms)
    _check_size("descriptor_words", len(descriptors), config.descriptor_words)
    _check_size("term_words", max(map(len, memories)), config.term_words)
    _check_size("weight_words", column, config.weight_words)
    return Image(
        config,
        descriptors,
        memories,
        tuple(np.concatenate([np.zeros((0, config.lanes), np.int64), *parts]) for parts in weights),
    )


def _check_size(parameter: str, needed: int, available: int) -> None:
    if needed > available:
        raise InputError(
            f"the programs together need {needed} words, the configuration has {available}: "
            f"raise {parameter}, or load fewer operating points"
        )


def _point(program: Program, first_pass: int) -> list[int]:
    place = program.placements[program.input]
    grid, beat = place.grid, program.config.input_elements
    whole_beats = beat > 1 and _whole_beats(grid, beat)
    return pack_words(
        POINT,
        {
            "first_pass": first_pass,
            "base": place.base,
            "rows": grid.rows,
            "steps": grid.steps,
            "last_rows": grid.last_rows,
            "last_steps": grid.last_steps,
            "channels": place.shape[0],
            "pitch": grid.words,
            "strips": grid.strips,
            "columns": grid.columns_used // (beat if whole_beats else 1),
            "columns_bits": grid.columns.bit_length() - 1,
            "transposed": int(grid.transposed),
            "whole_beats": int(whole_beats),
        },
    )


def _whole_beats(grid: Grid, beat: int) -> bool:
    """Whether so many elements of the input at a time always are neighbouring lanes of one word."""
    return grid.steps == 1 and not grid.transposed and grid.width % beat == 0


def _descriptor(
    item: Pass, config: AcceleratorConfig, column: int, *, final: bool, early_input: bool
) -> list[int]:
    """PASS, segments and CORE records of a pass; its first column of weights is that given."""
    grid = item.grid
    bank, base = item.place(0)
    words = pack_words(
        PASS,
        {
            "pool": int(item.pool),
            "final": int(final),
            "raw": int(item.raw),
            "linear": int(item.columns is not None),
            "two_segments": int(len(item.segments) == 2),
            "after": int(item.after),
            "frees_input": int(item.frees_input and early_input),
            "halve": int(item.halve),
            "steps": item.steps,
            "columns_bits": grid.columns.bit_length() - 1,
            "cores": 0 if item.pool else item.channels,
            "q_max": item.q_max,
            "windows": item.windows % (2 * config.window_slots),
            "pass_windows": item.windows * item.tiles % (2 * config.window_slots),
            "strips": grid.strips,
            "columns": grid.columns_used,
            "bank": bank,
            "output_base": base,
            "output_pitch": grid.words,
            "rows": grid.rows,
            "steps_wide": grid.steps,
            "last_rows": grid.last_rows,
            "last_steps": grid.last_steps,
        },
    )
    for segment in item.segments:
        words += pack_words(SEGMENT, segment.fields())
    if item.columns:
        read = item.columns
        words += pack_words(
            LINEAR,
            {
                "base": read.base,
                "words": read.words,
                "column": column,
                "biases": read.biases,
                "span": read.span,
                "last_words": read.last_words,
                "last_bank": read.last_banks - 1,
            },
        )
    for core, bias in enumerate(item.bias):
        values = {"bias": bias % 2**32}
        if item.scales:
            values |= _scale_fields(item.scales[core], item.steps)
        words += pack_words(CORE, values)
    return words


def column_integers(weights: np.ndarray, config: AcceleratorConfig) -> list[int]:
    """Columns (columns, N) as the weight memory has them: of each lane the magnitude, above it the
    sign."""
    return [int.from_bytes(row.tobytes(), "little") for row in _column_bytes(weights, config)]


def _column_bytes(weights: np.ndarray, config: AcceleratorConfig) -> np.ndarray:
    """Columns as bytes of whole words of the program stream."""
    width = config.weight_width
    elements = np.abs(weights) | (weights < 0).astype(np.int64) << (width - 1)
    bits = (elements[:, :, None] >> np.arange(width) & 1).astype(np.uint8)
    padded = np.zeros((len(weights), 32 * config.column_words), np.uint8)
    padded[:, : config.lanes * width] = bits.reshape(len(weights), config.lanes * width)
    return np.packbits(padded, axis=1, bitorder="little")


def _scale_fields(scale: Scale, steps: int) -> dict[str, int]:
    """The steps, right-aligned: leading idle steps keep r at 0."""
    padded = ((0, 0),) * (steps - len(scale.steps)) + scale.steps
    fields = {}
    for index, (digit, shift) in enumerate(padded[:MAX_STEPS]):
        fields[f"add{index}"] = int(digit > 0)
        fields[f"subtract{index}"] = int(digit < 0)
        fields[f"shift{index}"] = shift
    return fields
