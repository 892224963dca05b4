"""The program loader: good streams, every error, and the way back."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cocotb
import numpy as np

from pann_hw.program.layout import END_SECTION, MAGIC
from rtl_gen.program_loader import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import CONFIG, unit_ports

__all__ = ["broken_streams", "flipped_bits", "good_streams", "held", "truncated"]

_TARGETS = 1 + CONFIG.cores * CONFIG.rails

Write = tuple[int, int, int]
"""(target, address, word)."""


def _stream(sections: list[tuple[int, int, list[int]]]) -> list[int]:
    """A program stream of (target, address, words)."""
    words = [MAGIC, CONFIG.fingerprint]
    for target, address, content in sections:
        words += [target | address << 16, len(content), *content]
    words.append(END_SECTION)
    return _with_checksum(words)


def _with_checksum(words: list[int]) -> list[int]:
    return [*words, zlib.crc32(np.array(words, "<u4").tobytes())]


def _sections() -> list[tuple[int, int, list[int]]]:
    sections = []
    for target in random.sample(range(_TARGETS), random.randint(1, _TARGETS)):
        size = CONFIG.term_words if target else CONFIG.descriptor_words
        count = random.randint(1, 12)
        # Sections at both ends of a memory, and in between.
        address = random.choice((0, size - count, random.randint(0, size - count)))
        sections.append((target, address, [random.getrandbits(32) for _ in range(count)]))
    return sections


class _Loader:
    """The loader with a record of what it writes and reports."""

    def __init__(self, dut: Any) -> None:
        self.ports: Ports = unit_ports(dut, "program_loader")
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
        sections = _sections()
        stream = _stream(sections)
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
        await self.send(_stream(_sections()))
        assert not self.errors and not self.writes and not self.ports.read("loaded")
        await self.clear()
        await self.check_good()


@bench_test
@cocotb.parametrize(pauses=list(PAUSES))
async def good_streams(dut: Any, pauses: str) -> None:
    """One program after another, each replacing the one before."""
    loader = _Loader(dut)
    await loader.begin()
    for _ in range(4):
        await loader.check_good(pauses)


@bench_test
async def broken_streams(dut: Any) -> None:
    """Each error is raised by the very word that is wrong, and cleared."""
    loader = _Loader(dut)
    await loader.begin()
    start = [MAGIC, CONFIG.fingerprint]
    await loader.check_refused([MAGIC ^ 1], Error.BAD_MAGIC)
    await loader.check_refused([MAGIC, CONFIG.fingerprint ^ 1 << 31], Error.WRONG_CONFIGURATION)
    for target in (_TARGETS, END_SECTION - 1):
        await loader.check_refused([*start, target], Error.BAD_SECTION)
    for target, size in ((0, CONFIG.descriptor_words), (1, CONFIG.term_words)):
        for address, count in (
            (0, 0),
            (0, size + 1),
            (size - 2, 3),
            (size, 1),
            (0xFFFF, 1),
            (0, 0xFFFFFFFF),
            (1, 0xFFFFFFFF),
            (0, 1 << 17),
            (2, (1 << 32) - 2),
        ):
            words = [*start, target | address << 16, count]
            await loader.check_refused(words, Error.BAD_SECTION)
    for wrong in (1, 1 << 31, 0xFFFFFFFF):
        stream = _stream(_sections())
        await loader.check_refused([*stream[:-1], stream[-1] ^ wrong], Error.BAD_CHECKSUM)


@bench_test
async def flipped_bits(dut: Any) -> None:
    """No stream with one flipped bit is accepted, wherever it is."""
    loader = _Loader(dut)
    await loader.begin()
    for _ in range(60):
        stream = _stream(_sections())
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
    loader = _Loader(dut)
    await loader.begin()
    for length in (1, 2, 3, 4, 6):
        await loader.send(_stream([(1, 0, [5] * 40)])[:length])
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
    loader = _Loader(dut)
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
