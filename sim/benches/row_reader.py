"""Row reader and row buffer against each element's place in a map, padding included."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np

from pann_hw.config import AcceleratorConfig
from rtl_gen.window_sequencer import WindowRequest
from sim.benches.passes import fetches, random_passes
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import CONFIG, FOUR_TERMS, MANY_LANES, ONE_RAIL, unit_ports
from sim.benches.window_sequencer import requests

__all__ = ["any_turn", "flushes", "windows"]

_READERS = {
    "reader": CONFIG,
    "reader_one_bank": ONE_RAIL,
    "reader_four_banks": FOUR_TERMS,
    "reader_many_lanes": MANY_LANES,
}
_WORDS = 1024


@dataclass(frozen=True)
class _Case:
    """A request, and for each bank the window that it must give."""

    request: dict[str, int]
    rows: list[list[int]]


class _Bench:
    """The reader between a memory and a consumer of windows."""

    def __init__(self, dut: Any, unit: str) -> None:
        self.config: AcceleratorConfig = _READERS[unit]
        self.ports: Ports = unit_ports(dut, unit)
        generator = np.random.default_rng(random.getrandbits(32))
        shape = (_WORDS, self.config.banks, self.config.lanes)
        self.memory = generator.integers(0, 256, shape)
        self.reads: list[int] = []

    async def begin(self) -> None:
        await self.ports.begin()
        cocotb.start_soon(self._serve())

    async def _serve(self) -> None:
        """The activation memory: the words of a read are there a cycle later, and stay."""
        while True:
            await self.ports.settle()
            read, address = self.ports.read("read"), self.ports.read("address")
            await self.ports.tick()
            if read:
                self.reads.append(address)
                self.ports.drive(words=self.memory[address % _WORDS].tolist())

    def pass_cases(self, groups: int) -> list[_Case]:
        """Windows of some tiles of random passes."""
        cases: list[_Case] = []
        for descriptor in random_passes(self.config, groups):
            item = descriptor.compiled
            for tile in random.sample(range(item.tiles), min(item.tiles, 3)):
                row, step = divmod(tile, item.grid.steps)
                listed = zip(fetches(item), requests(item, tile), strict=True)
                for (segment, window, _), request in listed:
                    word, strips, lanes = segment.position(row, step, window)
                    source = segment.source_lanes(word, strips, lanes, self.config.lanes)
                    cases.append(self._case(request, source))
        return cases

    def any_case(self) -> _Case:
        """A request with any turn by any grid, the rest of the fields at random as well."""
        lanes = self.config.lanes
        bits = random.randrange(lanes.bit_length())
        columns = 1 << bits
        near, far = random.randint(-lanes - 1, lanes + 1), random.randint(-128, 127)
        request = {
            "address": random.getrandbits(16),
            "strips": random.choice((0, near, far)),
            "lanes": random.choice((0, near, far)),
            "strips_there": random.randint(0, lanes // columns),
            "columns_there": random.randint(0, columns),
            "columns_bits": bits,
            "pad_value": random.randrange(256),
            "group_last": random.getrandbits(1),
        }
        source = []
        for element in range(lanes):
            strip, column = divmod(element, columns)
            strip, column = strip + request["strips"], column + request["lanes"]
            inside = 0 <= strip < request["strips_there"] and 0 <= column < request["columns_there"]
            source.append(strip * columns + column if inside else -1)
        return self._case(request, np.array(source))

    def _case(self, request: dict[str, int], source: np.ndarray) -> _Case:
        words = self.memory[request["address"] % _WORDS]
        rows = np.where(source < 0, request["pad_value"], words[:, np.maximum(source, 0)])
        return _Case(request, rows.tolist())

    async def flush(self) -> None:
        self.ports.drive(flush=1, room=0)
        await self.ports.tick()
        self.ports.drive(flush=0)
        self.reads.clear()
        assert self.ports.read("filled") == 0

    async def consume(self, cases: list[_Case], hurry: float) -> int:
        """Compare windows as they come, freeing a group with probability ``hurry``: cycles."""
        groups = self.config.window_slots // self.config.banks
        accepted = checked = freed = cycles = 0
        while checked < len(cases):
            self.ports.drive(room=int(accepted - freed < groups))
            await self.ports.settle()
            accepted += self.ports.read("accepted")
            filled, last = self.ports.read("filled"), self.ports.read("last")
            while checked * self.config.banks % (2 * self.config.window_slots) != filled:
                checked += 1
            rows = self.ports.record("rows")
            # Windows that wait keep their contents.
            for waiting in range(freed, checked):
                case, place = cases[waiting], waiting % groups
                found = [
                    list(rows[place * self.config.banks + bank])
                    for bank in range(self.config.banks)
                ]
                assert found == case.rows, f"group {waiting}: {case.request}"
                assert last >> place & 1 == case.request["group_last"]
            await self.ports.tick()
            if freed < checked and random.random() < hurry:
                freed += 1
            cycles += 1
            assert cycles < 100 * len(cases), f"{checked} of {len(cases)} groups, then none"
        return cycles


def _payloads(cases: list[_Case]) -> list[int]:
    return [WindowRequest.const(case.request).as_bits() for case in cases]


@bench_test
@cocotb.parametrize(unit=list(_READERS), pauses=list(PAUSES), hurry=[1.0, 0.2])
async def windows(dut: Any, unit: str, pauses: str, hurry: float) -> None:
    """The windows of any pass, at one group a cycle; every word is read once."""
    bench = _Bench(dut, unit)
    await bench.begin()
    await bench.flush()
    cases = bench.pass_cases(80)
    producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases), PAUSES[pauses]()))
    cycles = await bench.consume(cases, hurry)
    await producer
    assert bench.reads == [case.request["address"] for case in cases]
    if pauses == "never" and hurry == 1.0:
        # Two cycles until the first group is there.
        assert cycles == len(cases) + 2


@bench_test
@cocotb.parametrize(unit=list(_READERS))
async def any_turn(dut: Any, unit: str) -> None:
    """Words turned by any number of strips and lanes, even ones that leave the map behind."""
    bench = _Bench(dut, unit)
    await bench.begin()
    await bench.flush()
    cases = [bench.any_case() for _ in range(250)]
    producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases)))
    await bench.consume(cases, 1.0)
    await producer


@bench_test
@cocotb.parametrize(unit=list(_READERS))
async def flushes(dut: Any, unit: str) -> None:
    """A flush in any cycle leaves nothing behind that a later window would see."""
    bench = _Bench(dut, unit)
    await bench.begin()
    for _ in range(20):
        producer = cocotb.start_soon(
            put(bench.ports, "i", _payloads([bench.any_case() for _ in range(20)]))
        )
        bench.ports.drive(room=1)
        await bench.ports.tick(random.randint(1, 12))
        producer.cancel()
        bench.ports.drive(i__valid=0)
        await bench.flush()
        cases = [bench.any_case() for _ in range(6)]
        producer = cocotb.start_soon(put(bench.ports, "i", _payloads(cases)))
        await bench.consume(cases, 1.0)
        await producer
