"""Row reader and row buffer against a naive padded and strided tensor row."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb

from pann_hw.program.windows import Segment, Window, word_range
from rtl_gen.window_sequencer import WindowRequest
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import CONFIG, unit_ports
from sim.benches.window_sequencer import random_segment

__all__ = ["flushes", "rows"]

_LANES, _SLOTS = CONFIG.lanes, CONFIG.window_slots
_COUNTS = 2 * _SLOTS


@dataclass(frozen=True)
class _Case:
    """A window request, the row that it must give, and the words that it must read."""

    request: dict[str, int]
    row: list[int]
    addresses: list[int]


def _case(segments: list[Segment], memory: list[list[int]]) -> _Case:
    index = random.randrange(2)
    segment = segments[index]
    taps = random.randint(1, 3)
    y = random.randint(-2, segment.height + 1)
    x = random.randint(-12, segment.width + 4)
    address = (segment.base + y * segment.row_words) % 2**16
    window = Window(0, 0, 0, taps, bool(random.getrandbits(1)))
    first, last = word_range(segment, window, y, x, _LANES)
    row = []
    for j in range(CONFIG.row_width):
        column = x + segment.stride[1] * j
        # Beyond its taps a row is read as far as whole words go, and no further.
        known = first <= column // _LANES <= last and 0 <= column < segment.width
        word = memory[(address + column // _LANES) % len(memory)]
        row.append(word[column % _LANES] if known else segment.pad_value)
        if j < _LANES + taps - 1:
            inside = 0 <= y < segment.height and 0 <= column < segment.width
            assert known == inside, "the model leaves out an element that a tap needs"
    return _Case(
        {
            "address": address,
            "inside": int(0 <= y < segment.height),
            "x": x,
            "taps": taps,
            "segment": index,
            "channel_last": int(window.channel_last),
        },
        row,
        [(address + word) % 2**16 for word in range(first, last + 1)],
    )


class _Bench:
    """The reader between a memory and a consumer of rows."""

    def __init__(self, dut: Any) -> None:
        self.ports: Ports = unit_ports(dut, "reader")
        self.memory = [[random.randrange(256) for _ in range(_LANES)] for _ in range(1024)]
        self.reads: list[int] = []

    async def begin(self) -> None:
        await self.ports.begin()
        cocotb.start_soon(self._serve())

    async def _serve(self) -> None:
        """The activation memory: the word of a read is there a cycle later, and stays."""
        while True:
            await self.ports.settle()
            read, address = self.ports.read("read"), self.ports.read("address")
            await self.ports.tick()
            if read:
                self.reads.append(address)
                self.ports.drive(word=self.memory[address % len(self.memory)])

    def segments(self) -> list[Segment]:
        segments = [random_segment() for _ in range(2)]
        self.ports.drive(segments=[segment.fields(_LANES) for segment in segments])
        return segments

    async def flush(self) -> None:
        self.ports.drive(flush=1, room=0)
        await self.ports.tick()
        self.ports.drive(flush=0)
        self.reads.clear()
        assert self.ports.read("filled") == 0

    async def consume(self, cases: list[_Case], hurry: float) -> int:
        """Compare rows as they come, freeing each with probability ``hurry`` a cycle: cycles."""
        accepted = checked = freed = cycles = 0
        while checked < len(cases):
            self.ports.drive(room=int(accepted - freed < _SLOTS))
            await self.ports.settle()
            accepted += self.ports.read("accepted")
            filled = self.ports.read("filled")
            rows, taps = self.ports.record("rows"), self.ports.record("taps")
            channel_last = self.ports.read("channel_last")
            while checked % _COUNTS != filled:
                case, slot = cases[checked], checked % _SLOTS
                assert list(rows[slot]) == case.row, f"window {checked}: {case}"
                assert taps[slot] == case.request["taps"]
                assert channel_last >> slot & 1 == case.request["channel_last"]
                checked += 1
            # Rows that wait keep their contents.
            for waiting in range(freed, checked):
                assert list(rows[waiting % _SLOTS]) == cases[waiting].row
            await self.ports.tick()
            if freed < checked and random.random() < hurry:
                freed += 1
            cycles += 1
            assert cycles < 100 * len(cases), f"{checked} of {len(cases)} windows, then none"
        return cycles


def _payloads(cases: list[_Case]) -> list[int]:
    return [WindowRequest.const(case.request).as_bits() for case in cases]


@bench_test
@cocotb.parametrize(pauses=list(PAUSES), hurry=[1.0, 0.2])
async def rows(dut: Any, pauses: str, hurry: float) -> None:
    """Any position, padding and stride; reads no word that it does not need, and none twice."""
    bench = _Bench(dut)
    await bench.begin()
    for _ in range(8):
        segments = bench.segments()
        await bench.flush()
        cases = [_case(segments, bench.memory) for _ in range(30)]
        producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases), PAUSES[pauses]()))
        cycles = await bench.consume(cases, hurry)
        await producer
        assert bench.reads == [address for case in cases for address in case.addresses]
        if pauses == "never" and hurry == 1.0:
            # A cycle for each word, at least one for a window, and two until the row is there.
            assert cycles == sum(max(len(case.addresses), 1) for case in cases) + 2


@bench_test
async def flushes(dut: Any) -> None:
    """A flush in any cycle leaves nothing behind that a later window would see."""
    bench = _Bench(dut)
    await bench.begin()
    for _ in range(40):
        segments = bench.segments()
        cases = [_case(segments, bench.memory) for _ in range(6)]
        producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases)))
        bench.ports.drive(room=1)
        await bench.ports.tick(random.randint(1, 12))
        producer.cancel()
        bench.ports.drive(i__valid=0)
        await bench.flush()
        cases = [_case(segments, bench.memory) for _ in range(6)]
        producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases)))
        await bench.consume(cases, 1.0)
        await producer
