"""The program loader: good streams, every error, and the way back."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cocotb
import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import END_SECTION, MAGIC, bundle_words
from pann_hw.registers.error import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import LOADERS, unit_ports

__all__ = ["broken_streams", "flipped_bits", "good_streams", "held", "truncated"]

_LAST_BEGIN = 0xFFFF
"""Last address where a section may begin."""

Write = tuple[int, int, int]
"""(target, address, word)."""

Section = tuple[int, int, list[int]]
"""(target, address, words)."""


def _sizes(config: AcceleratorConfig) -> list[int]:
    """Words of each target: descriptors, then each core's term memory, then those of weights."""
    terms = config.term_words * bundle_words(config) if config.layer_kinds == "all" else 0
    columns = [config.weight_words * config.column_words] * config.cores
    sizes = [config.descriptor_words] + [terms] * config.cores
    return sizes + columns if config.weight_words else sizes


def _stream(config: AcceleratorConfig, sections: list[Section]) -> list[int]:
    """A program stream with its checksum."""
    words = [MAGIC, config.fingerprint]
    for target, address, content in sections:
        words += [target | address << 16, len(content), *content]
    words.append(END_SECTION)
    return [*words, zlib.crc32(np.array(words, "<u4").tobytes())]


def _sections(config: AcceleratorConfig) -> list[Section]:
    """Sections at both ends of memories, and in between."""
    sizes = _sizes(config)
    sections = []
    targets = [target for target, size in enumerate(sizes) if size]
    for target in random.sample(targets, random.randint(1, len(targets))):
        count = random.randint(1, 12)
        last = min(sizes[target] - count, _LAST_BEGIN)
        address = random.choice((0, last, random.randint(0, last)))
        sections.append((target, address, [random.getrandbits(32) for _ in range(count)]))
    return sections


def _too_long(size: int) -> list[tuple[int, int]]:
    """(address, words) of sections that a memory cannot hold."""
    if not size:
        # There is no such memory.
        return [(0, 1), (5, 1)]
    begin = min(size - 2, _LAST_BEGIN - 1)
    counts = {
        0: (size + 1, 1 << 20, 1 << 31, (1 << 32) - 1),
        1: (size, (1 << 32) - 1),
        2: ((1 << 32) - 2,),
        begin: (size - begin + 1,),
        begin + 1: (size - begin,),
    }
    if size < _LAST_BEGIN:
        counts |= {size: (1,), _LAST_BEGIN: (1,)}
    return [(address, count) for address, several in counts.items() for count in several]


class _Loader:
    """The loader with a record of what it writes and reports."""

    def __init__(self, dut: Any, name: str) -> None:
        self.config = LOADERS[name]
        self.ports: Ports = unit_ports(dut, name)
        self.writes: list[Write] = []
        self.errors: list[int] = []

    async def begin(self) -> None:
        await self.ports.begin()
        cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        while True:
            await self.ports.settle()
            if self.ports.read("write"):
                target, address, word = (
                    self.ports.read(name) for name in ("target", "address", "word")
                )
                self.writes.append((target, address, word))
            if error := self.ports.read("error"):
                self.errors.append(error)
            await self.ports.tick()

    async def send(self, words: list[int], pauses: str = "never") -> None:
        self.writes.clear()
        self.errors.clear()
        await put(self.ports, "i", words, PAUSES[pauses]())

    async def clear(self) -> None:
        self.ports.drive(clear=1)
        await self.ports.tick()
        self.ports.drive(clear=0)

    async def check_good(self, pauses: str = "never") -> None:
        """A stream is taken, written as it says, and accepted with its last word only."""
        sections = _sections(self.config)
        stream = _stream(self.config, sections)
        await self.send(stream[:-1], pauses)
        assert not self.ports.read("loaded")
        expected = [
            (target, address + index, word)
            for target, address, words in sections
            for index, word in enumerate(words)
        ]
        assert self.writes == expected
        await self.send(stream[-1:], pauses)
        assert self.ports.read("loaded") and not self.errors and not self.writes

    async def check_refused(self, words: list[int], error: Error) -> None:
        """The last word raises the error, once; all that follows is discarded until cleared."""
        await self.send(words[:-1])
        assert not self.errors, f"error {self.errors} before the word that is wrong"
        await self.send(words[-1:])
        assert self.errors == [error] and not self.ports.read("loaded")
        await self.send(_stream(self.config, _sections(self.config)))
        assert not self.errors and not self.writes and not self.ports.read("loaded")
        await self.clear()
        await self.check_good()


@bench_test
@cocotb.parametrize(name=list(LOADERS), pauses=list(PAUSES))
async def good_streams(dut: Any, name: str, pauses: str) -> None:
    """One program after another, each replacing the one before."""
    loader = _Loader(dut, name)
    await loader.begin()
    for _ in range(4):
        await loader.check_good(pauses)


@bench_test
@cocotb.parametrize(name=list(LOADERS))
async def broken_streams(dut: Any, name: str) -> None:
    """Each error is raised by the very word that is wrong, and cleared."""
    loader = _Loader(dut, name)
    config = loader.config
    sizes = _sizes(config)
    await loader.begin()
    start = [MAGIC, config.fingerprint]
    await loader.check_refused([MAGIC ^ 1], Error.BAD_MAGIC)
    await loader.check_refused([MAGIC, config.fingerprint ^ 1 << 31], Error.WRONG_CONFIGURATION)
    for target in (len(sizes), END_SECTION - 1):
        await loader.check_refused([*start, target], Error.BAD_SECTION)
    for target, size in enumerate(sizes):
        for address, count in [(0, 0), (1, 0), *_too_long(size)]:
            words = [*start, target | address << 16, count]
            await loader.check_refused(words, Error.BAD_SECTION)
    for wrong in (1, 1 << 31, 0xFFFFFFFF):
        stream = _stream(config, _sections(config))
        await loader.check_refused([*stream[:-1], stream[-1] ^ wrong], Error.BAD_CHECKSUM)


@bench_test
async def flipped_bits(dut: Any) -> None:
    """No stream with one flipped bit is accepted, wherever it is."""
    loader = _Loader(dut, "program_loader")
    await loader.begin()
    for _ in range(60):
        stream = _stream(loader.config, _sections(loader.config))
        stream[random.randrange(len(stream))] ^= 1 << random.randrange(32)
        await loader.send(stream)
        found = loader.errors.copy()
        assert not loader.ports.read("loaded")
        # A section that became longer still waits for words; zeros are no section.
        while not found:
            await loader.send([0])
            found += loader.errors
        assert len(found) == 1 and not loader.ports.read("loaded")
        await loader.clear()
    await loader.check_good()


@bench_test
async def truncated(dut: Any) -> None:
    """A stream that stops is ended by zeros, as an error, and cleared."""
    loader = _Loader(dut, "program_loader")
    await loader.begin()
    for length in (1, 2, 3, 4, 6):
        await loader.send(_stream(loader.config, [(1, 0, [5] * 40)])[:length])
        assert not loader.errors and not loader.ports.read("loaded")
        found: list[int] = []
        while not found:
            await loader.send([0])
            found += loader.errors
        await loader.clear()
        await loader.check_good()


@bench_test
async def held(dut: Any) -> None:
    """No stream begins while an inference runs; what is loaded stays."""
    loader = _Loader(dut, "program_loader")
    await loader.begin()
    await loader.check_good()
    loader.ports.drive(hold=1, i__valid=1, i__payload=MAGIC)
    for _ in range(10):
        await loader.ports.settle()
        assert not loader.ports.read("i__ready")
        await loader.ports.tick()
        assert loader.ports.read("loaded")
    loader.ports.drive(hold=0, i__valid=0)
    await loader.check_good()
