"""Programs as the records that they are linked into."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, link
from pann_hw.program.layout import (
    CORE_WORDS,
    PASS_WORDS,
    POINT,
    POINT_WORDS,
    SEGMENT_WORDS,
    directory_stride,
    unpack,
)
from pann_hw.program.program import Pass, Program
from tests.random_networks import residual_network

__all__ = ["flips", "point", "records", "residual_program", "whole"]


def flips() -> dict[str, int]:
    """No flips of the classes that the units of the machine count."""
    return {"control": 0, "memory_ports": 0}


def residual_program(rng: np.random.Generator) -> Program:
    """A network with every kind of layer on three cores."""
    network, _ = residual_network(rng, 2)
    return compile_network(network, AcceleratorConfig(cores=3), "csd")


def whole(words: np.ndarray) -> int:
    """Words of 32 bits as one integer, lowest first."""
    return sum(int(word) << 32 * index for index, word in enumerate(words))


def point(image: Image, number: int = 0) -> dict[str, int]:
    entry = number * directory_stride(image.config)
    return unpack(POINT, whole(image.descriptors[entry : entry + POINT_WORDS]))


def records(program: Program) -> Iterator[tuple[Pass, int, int, int]]:
    """Of each pass: itself, its record, its segments' and its cores'."""
    words = link([program]).descriptors
    position = int(words[0]) & 0xFFFF
    for item in program.passes:
        found = []
        cores = 0 if item.pool else item.channels
        for size in (PASS_WORDS, SEGMENT_WORDS * len(item.segments), CORE_WORDS * cores):
            found.append(whole(words[position : position + size]))
            position += size
        yield item, found[0], found[1], found[2]
