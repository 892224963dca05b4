"""Memory images: programs of one network linked into the words that the accelerator loads.

A program stream is a sequence of 32-bit words:

    MAGIC | fingerprint of the configuration
    per section: target (low half) and start address (high half) | word count | that many words
    END_SECTION | CRC-32 (ISO-HDLC) of all words before it, each lowest byte first

Target 0 is the descriptor memory, 1 + core * rails + rail a term memory (a term per word).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.requantise import MAX_STEPS, Scale
from pann_hw.program.layout import (
    CORE,
    END_SECTION,
    MAGIC,
    MAX_POINTS,
    PASS,
    SEGMENT,
    directory_stride,
    pack_words,
)
from pann_hw.program.program import Pass, Program

__all__ = ["Image", "link"]


@dataclass(frozen=True, eq=False)
class Image:
    """Contents of all program memories, for up to MAX_POINTS operating points.

    Attributes
    ----------
    config : the hardware that it is for
    descriptors : uint32 words, the directory first
    terms : uint16 per rail, core by core
    """

    config: AcceleratorConfig
    descriptors: np.ndarray
    terms: tuple[np.ndarray, ...]

    def input_words(self, point: int) -> int:
        """Words of the activation memory that an operating point's input takes."""
        sizes = int(self.descriptors[point * directory_stride(self.config) + 1])
        width, rows = sizes & 0xFFFF, sizes >> 16
        return rows * -(-width // self.config.lanes)

    def stream(self) -> np.ndarray:
        """The program stream as uint32 words."""
        words = [MAGIC, self.config.fingerprint]
        for target, memory in enumerate((self.descriptors, *self.terms)):
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
    rails = config.cores * config.rails
    directory = np.zeros(MAX_POINTS * directory_stride(config), dtype=np.uint32)
    body: list[int] = []
    terms: list[list[np.ndarray]] = [[] for _ in range(rails)]
    for point, program in enumerate(programs):
        entry = point * directory_stride(config)
        place = program.placements[program.input]
        channels, height, width = place.shape
        directory[entry] = len(directory) + len(body) | place.base << 16
        directory[entry + 1] = width | channels * height << 16
        for rail in range(rails):
            directory[entry + 2 + rail] = sum(map(len, terms[rail]))
        for index, item in enumerate(program.passes):
            body += _descriptor(item, config, final=index == len(program.passes) - 1)
            for core, streams in enumerate(item.terms):
                for rail, stream in enumerate(streams):
                    terms[core * config.rails + rail].append(stream)
    descriptors = np.append(directory, np.array(body, dtype=np.uint32))
    memories = tuple(np.concatenate([np.zeros(0, np.uint16), *parts]) for parts in terms)
    _check_size("descriptor_words", len(descriptors), config.descriptor_words)
    _check_size("term_words", max(map(len, memories)), config.term_words)
    return Image(config, descriptors, memories)


def _check_size(parameter: str, needed: int, available: int) -> None:
    if needed > available:
        raise InputError(
            f"the programs together need {needed} words, the configuration has {available}: "
            f"raise {parameter}, or load fewer operating points"
        )


def _descriptor(item: Pass, config: AcceleratorConfig, *, final: bool) -> list[int]:
    words = pack_words(
        PASS,
        {
            "pool": int(item.pool),
            "final": int(final),
            "raw": int(item.raw),
            "two_segments": len(item.segments) - 1,
            "steps": item.steps,
            "cores": 0 if item.pool else item.channels,
            "q_max": item.q_max,
            "last_valid": item.last_valid(config.lanes),
            "output_base": item.output_base,
            "output_pitch": item.output_pitch,
            "rows": item.rows,
            "tiles_per_row": item.tiles_per_row,
        },
    )
    for segment in item.segments:
        words += pack_words(SEGMENT, segment.fields(config.lanes))
    for core, bias in enumerate(item.bias):
        values = {"bias": bias % 2**32}
        if item.scales:
            values |= _scale_fields(item.scales[core], item.steps)
        words += pack_words(CORE, values)
    return words


def _scale_fields(scale: Scale, steps: int) -> dict[str, int]:
    """The steps, right-aligned: leading idle steps keep r at 0."""
    padded = ((0, 0),) * (steps - len(scale.steps)) + scale.steps
    fields = {}
    for index, (digit, shift) in enumerate(padded[:MAX_STEPS]):
        fields[f"add{index}"] = int(digit > 0)
        fields[f"subtract{index}"] = int(digit < 0)
        fields[f"shift{index}"] = shift
    return fields
