"""Passes for benches: compiled of random networks, and as the records that the hardware reads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.integer.network import window_count as count
from pann_hw.program.compile import compile_network
from pann_hw.program.grid import Grid
from pann_hw.program.image import link
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    PASS,
    PASS_WORDS,
    POINT,
    POINT_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    Fields,
    unpack,
)
from pann_hw.program.program import Pass, Program
from pann_hw.program.windows import Segment, Window
from sim.benches.requantiser import random_scale

__all__ = [
    "Descriptor",
    "descriptors",
    "fetches",
    "halved",
    "random_network",
    "random_passes",
    "random_program",
]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Descriptor:
    """A pass, the words that describe it, and what these are as records."""

    compiled: Pass
    address: int
    words: list[int]
    item: dict[str, int]
    segments: list[dict[str, int]]
    records: list[dict[str, int]]


def random_network(most: int) -> IntegerNetwork:
    """Convolutions of any kernel, stride and padding, one of two tensors, pooling, a raw output.

    ``most``: channels of a tensor.
    """
    # Maps below a stride are rare, and blocks then follow rules of their own.
    height, width = (random.randint(1, random.choice((2, 9, 9))) for _ in range(2))
    size = (height, width)
    x = Tensor("x", (random.randint(1, most), *size), 8, zero_point=_zero_point(8))
    kernel, stride, padding = _window(size, 5)
    shape = _output(size, kernel, stride, padding)
    a = _layer("a", shape, [_source(x, random.randint(1, most), kernel, stride, padding)])
    # The same map by larger windows of the input, to which windows of the first layer are added.
    wider = random.randint(0, 1)
    larger = (kernel[0] + 2 * wider, kernel[1] + 2 * wider)
    around = (padding[0] + wider, padding[1] + wider)
    inner = (random.choice((1, 3)), random.choice((1, 3)))
    channels = random.randint(1, most)
    both = [
        _source(x, channels, larger, stride, around),
        _source(a.output, channels, inner, (1, 1), (inner[0] // 2, inner[1] // 2)),
    ]
    b = _layer("b", shape, both)
    kernel, stride, padding = _window(shape, 3)
    pooled = Tensor("p", (b.output.shape[0], *_output(shape, kernel, stride, padding)), 8)
    p = MaxPool(pooled, "b", kernel, stride, padding)
    shape = pooled.shape[1:]
    kernel, stride, padding = _window(shape, 3)
    o = _layer(
        "o",
        _output(shape, kernel, stride, padding),
        [_source(pooled, 3, kernel, stride, padding)],
        raw=True,
    )
    return IntegerNetwork(x, (a, b, p, o))


def random_program(config: AcceleratorConfig) -> Program:
    """A random network, compiled; some of its layers take more than one pass."""
    # What the benches drive does not depend on the sizes of the memories.
    room = replace(config, activation_words=4096, descriptor_words=4096, term_words=65536)
    return compile_network(random_network(config.cores + 3), room, "unary")


def halved(program: Program) -> Program:
    """Words of half of the passes are stored as two halves, in any grid; only good for storing."""
    lanes, passes = program.config.lanes, []
    for item in program.passes:
        if program.config.halves and not item.raw and random.random() < 0.5:
            height, width = item.grid.height, item.grid.width
            columns = 1 << random.randint(1, lanes.bit_length() - 1)
            rows = 2 * ceil(height * columns / (2 * lanes))
            grid = Grid(height, width, columns, rows, ceil(width / columns))
            output = replace(item.output, grid=grid.halved())
            passes.append(replace(item, grid=grid, output=output))
        else:
            passes.append(item)
    return replace(program, passes=tuple(passes))


def random_passes(
    config: AcceleratorConfig,
    groups: int,
    change: Callable[[Program], Program] = lambda program: program,
) -> Iterator[Descriptor]:
    """Descriptors of random programs, changed, until so many groups of windows are fetched."""
    while groups > 0:
        for descriptor in descriptors(change(random_program(config))):
            yield descriptor
            item = descriptor.compiled
            groups -= item.windows // config.banks * item.tiles


def descriptors(program: Program) -> list[Descriptor]:
    """The passes of a program as they are linked."""
    memory = [int(word) for word in link([program]).descriptors]
    address = _record(POINT, memory[:POINT_WORDS])["first_pass"]
    found = []
    for item in program.passes:
        sizes = [PASS_WORDS, *[SEGMENT_WORDS] * len(item.segments), *[CORE_WORDS] * len(item.bias)]
        edges = np.cumsum([address, *sizes]).tolist()
        parts = [memory[low:high] for low, high in pairwise(edges)]
        cores = 1 + len(item.segments)
        found.append(
            Descriptor(
                item,
                address,
                memory[address : edges[-1]],
                _record(PASS, parts[0]),
                [_record(SEGMENT, part) for part in parts[1:cores]],
                [_record(CORE, part) for part in parts[cores:]],
            )
        )
        address = edges[-1]
    return found


def fetches(item: Pass) -> Iterator[tuple[Segment, Window, bool]]:
    """(segment, window of the first bank, whether it is its channels' last) of each group."""
    for segment in item.segments:
        for window in segment.window_list():
            if window.channel % segment.banks == 0:
                end = segment.kernel[0] - 1, segment.taps[-1][0]
                yield segment, window, (window.row, window.column) == end


def _record(fields: Fields, words: list[int]) -> dict[str, int]:
    return unpack(fields, sum(word << 32 * number for number, word in enumerate(words)))


def _window(size: Pair, largest: int) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding of a window operator that has a result."""
    while True:
        kernel = (random.randint(1, largest), random.randint(1, largest))
        stride = (random.randint(1, 4), random.randint(1, 4))
        padding = (random.randint(0, kernel[0] - 1), random.randint(0, kernel[1] - 1))
        if min(_output(size, kernel, stride, padding)) > 0:
            return kernel, stride, padding


def _output(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    height, width = (
        count(size[axis], kernel[axis], stride[axis], padding[axis]) for axis in (0, 1)
    )
    return height, width


def _source(tensor: Tensor, outputs: int, kernel: Pair, stride: Pair, padding: Pair) -> Source:
    """Weights of -1, 0 or 1; one in three reads a single channel for each output."""
    inputs = tensor.shape[0]
    groups = inputs if outputs == inputs and random.random() < 1 / 3 else 1
    weights = [
        random.randint(-1, 1) for _ in range(outputs * inputs // groups * kernel[0] * kernel[1])
    ]
    array = np.array(weights, np.int64).reshape(outputs, inputs // groups, *kernel)
    return Source(tensor.name, array, stride, padding, groups)


def _layer(name: str, size: Pair, sources: list[Source], *, raw: bool = False) -> Accumulate:
    outputs = len(sources[0].weights)
    bias = np.array([random.randint(-(1 << 20), 1 << 20) for _ in range(outputs)], np.int64)
    output = Tensor(name, (outputs, *size), 8, zero_point=_zero_point(8))
    scales = None if raw else tuple(random_scale() for _ in range(outputs))
    return Accumulate(output, tuple(sources), bias, scales, random.randint(1, 255))


def _zero_point(bits: int) -> int:
    return random.choice((0, random.randrange(1 << bits)))
