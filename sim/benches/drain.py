"""The drain: words to memory, or raw elements to a stream under back-pressure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.interpret import requantise_steps
from pann_hw.program.program import Pass
from sim.benches.passes import Descriptor, halved, random_passes
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, StreamRules
from sim.benches.units import (
    CONFIG,
    FOUR_WORDS,
    MANY_CORES,
    ONE_RAIL,
    PARTS,
    REGISTERS,
    TWO_WORDS,
    unit_ports,
)

__all__ = ["passes", "waits_for_nobody"]

_DRAINS = {
    "drain": CONFIG,
    "drain_one_bank": ONE_RAIL,
    "drain_many_cores": MANY_CORES,
    "drain_parts": PARTS,
    "drain_two_words": TWO_WORDS,
    "drain_four_words": FOUR_WORDS,
    **{f"drain_registers_{name}": config for name, config in REGISTERS.items()},
}
_DELAYS = {"never": 0.0, "half": 0.6, "bursts": 0.9}
"""How seldom cores are ready, by the pauses of the stream."""

Word = tuple[int, int, int, int, int, list[int]]
"""(bank, address, part, phase, upper, elements)."""


class _Bench:
    """The drain among cores that finish tiles, a memory, and a consumer of raw elements."""

    def __init__(self, dut: Any, unit: str, pauses: Iterator[bool], delay: float) -> None:
        self.config: AcceleratorConfig = _DRAINS[unit]
        self.ports: Ports = unit_ports(dut, unit)
        self._pauses, self._delay = pauses, delay
        self._limit = 1 << self.config.accumulator_width - 1
        self.clear()

    def clear(self) -> None:
        self.written: list[Word] = []
        self.elements: list[tuple[int, int]] = []
        self.taken: list[int] = []
        self.finished = 0

    async def cycle(self, **inputs: Any) -> int:
        """A cycle with these inputs; notes what comes out and gives ``taken``."""
        ready = int(not next(self._pauses))
        self.ports.drive(o__ready=ready, **inputs)
        await self.ports.settle()
        store = self.ports.record("store")
        if store.write:
            words = self.ports.record("words")
            self.written += [
                (
                    bank,
                    store.address,
                    store.part,
                    store.phase,
                    store.upper,
                    list(words[bank % self.config.requantisers]),
                )
                for bank in range(self.config.banks)
                if store.banks >> bank & 1
            ]
        if ready and self.ports.read("o__valid"):
            element = self.ports.record("o__payload")
            self.elements.append((element.value, element.last))
        taken = self.ports.read("taken")
        self.taken += [core for core in range(self.config.cores) if taken >> core & 1]
        self.finished += self.ports.read("finished")
        await self.ports.tick()
        return taken

    async def drain(self, descriptor: Descriptor, totals: np.ndarray) -> int:
        """A pass whose sums and biases make ``totals`` (tiles, cores, lanes): cycles."""
        records = descriptor.records or [{}]
        padded = (records * self.config.cores)[: self.config.cores]
        await self.cycle(start=1, item=descriptor.item, records=padded, ready=0)
        # The drain has a pass to itself once it has begun.
        self.ports.drive(start=0, item=0, records=0)
        tiles, cores, _ = totals.shape
        tile, ready = [0] * cores, [False] * cores
        cycles = 0
        while self.ports.read("busy"):
            sums = [self._any_sums() for _ in range(self.config.cores)]
            for core in range(cores):
                late = random.random() < self._delay
                ready[core] |= tile[core] < tiles and not late
                if ready[core]:
                    bias = descriptor.compiled.bias[core]
                    sums[core] = self.wrapped(totals[tile[core], core] - bias)
            bits = sum(one << core for core, one in enumerate(ready))
            # Without a pooling pass nobody asks whether the pooling unit is done.
            pooled = random.random() >= self._delay if descriptor.item["pool"] else tile[0] % 2
            taken = await self.cycle(ready=bits, sums=sums, pooled=int(pooled))
            for core in range(cores):
                if taken >> core & 1:
                    assert ready[core], f"core {core} is not ready"
                    tile[core], ready[core] = tile[core] + 1, False
            cycles += 1
            assert cycles < 10000, f"{tile} tiles of {tiles}, then none"
        return cycles

    def totals(self, tiles: int, cores: int) -> np.ndarray:
        """Any sums with biases: (tiles, cores, lanes)."""
        sums = [[self._any_sums() for _ in range(cores)] for _ in range(tiles)]
        return np.array(sums, np.int64).reshape(tiles, cores, self.config.lanes)

    def _any_sums(self) -> list[int]:
        low, high = -self._limit, self._limit - 1
        return [
            random.choice((low, high, random.randint(-2000, 2000), random.randint(low, high)))
            for _ in range(self.config.lanes)
        ]

    def wrapped(self, values: np.ndarray) -> list[int]:
        """Values modulo the accumulators' width."""
        wrapped: list[int] = ((values + self._limit) % (2 * self._limit) - self._limit).tolist()
        return wrapped


def _groups(item: Pass, requantisers: int) -> list[list[int]]:
    """Cores that are drained together: up to the last of so many neighbouring banks."""
    groups: list[list[int]] = []
    for core in range(len(item.scales)):
        if not groups or item.place(core)[0] % requantisers == 0:
            groups.append([])
        groups[-1].append(core)
    return groups


def _words(descriptor: Descriptor, totals: np.ndarray, config: AcceleratorConfig) -> list[Word]:
    item = descriptor.compiled
    words: list[Word] = []
    for tile, sums in enumerate(totals):
        stored = item.stores(tile, config.lanes)
        upper = 0
        if item.halve:
            # The strips of lanes that the second half of the rows goes to.
            upper = int(not stored[0][2][0])
        for group in _groups(item, config.requantisers):
            for (place, *_), phase in zip(stored, range(2), strict=False):
                for part in range(config.parts):
                    lanes = slice(part * config.part_lanes, (part + 1) * config.part_lanes)
                    for core in group:
                        states = requantise_steps(sums[core][None], item.scales[core], item.steps)
                        elements = ((states[0, -1, lanes] + 1) >> 1).clip(0, item.q_max)
                        bank, address = item.place(core)
                        where = (bank, address + place, part, phase, upper)
                        words.append((*where, elements.tolist()))
    return words


def _elements(descriptor: Descriptor, totals: np.ndarray) -> list[tuple[int, int]]:
    grid = descriptor.compiled.grid
    values = [
        int(sums[lane])
        for tile, cores in enumerate(totals)
        for sums in cores
        for lane, _, _ in grid.lanes(tile)
    ]
    last = [0] * (len(values) - 1) + [descriptor.item["final"]]
    return list(zip(values, last, strict=True))


def _quick_cycles(descriptor: Descriptor, config: AcceleratorConfig) -> int:
    """Cycles of a pass where nobody makes the drain wait."""
    item = descriptor.compiled
    if item.raw:
        # Lanes without a pixel in between take a cycle too.
        grid = item.grid
        lanes = [grid.lanes(tile)[-1][0] + 1 for tile in range(item.tiles)]
        parts = sum(-(-count // config.part_lanes) for count in lanes) * config.register_stages
        seen = len(lanes) * config.register_stages
        return (sum(lanes) + parts + seen) * item.channels
    if item.pool:
        return 1
    groups = len(_groups(item, config.requantisers))
    # Registered, a word is seen to be there a cycle late, and each of its parts is loaded.
    steps = (item.steps + config.register_stages) * config.parts + config.register_stages
    return item.tiles * groups * (steps + item.halve)


@bench_test
@cocotb.parametrize(unit=list(_DRAINS), pauses=list(_DELAYS))
async def passes(dut: Any, unit: str, pauses: str) -> None:
    """Passes of any network: each word and raw element once, in order, at its place."""
    delay = _DELAYS[pauses]
    bench = _Bench(dut, unit, PAUSES[pauses](), delay)
    await bench.ports.begin()
    rules = StreamRules(bench.ports, "o")
    cocotb.start_soon(rules.watch())
    halves = 0
    for descriptor in random_passes(bench.config, 800, halved):
        item = descriptor.compiled
        cores = descriptor.item["cores"]
        totals = bench.totals(item.tiles, cores)
        cycles = await bench.drain(descriptor, totals)
        assert bench.finished == descriptor.item["final"]
        assert bench.taken == list(range(cores)) * item.tiles
        assert bench.elements == (_elements(descriptor, totals) if item.raw else [])
        # The last word leaves as the next pass may already begin.
        await bench.cycle(ready=0)
        assert bench.written == ([] if item.raw else _words(descriptor, totals, bench.config))
        if not delay:
            assert cycles == _quick_cycles(descriptor, bench.config)
        halves += item.halve and not item.pool
        bench.clear()
    assert (halves > 0) == bench.config.halves
    assert (rules.waited > 0) == (pauses != "never")


@bench_test
async def waits_for_nobody(dut: Any) -> None:
    """Valid comes without ready, and neither it nor the payload follows ready within a cycle."""
    bench = _Bench(dut, "drain", PAUSES["never"](), 0.0)
    ports = bench.ports
    await ports.begin()
    descriptor = next(
        one
        for one in random_passes(bench.config, 10**6)
        if one.compiled.raw and [lane for lane, _, _ in one.compiled.grid.lanes(0)][1:2] == [1]
    )
    sums = bench.totals(1, bench.config.cores)[0]
    totals = bench.wrapped(sums[0] + descriptor.compiled.bias[0])
    records = (descriptor.records * 2)[:2]
    ports.drive(start=1, item=descriptor.item, records=records, sums=sums.tolist(), ready=3)
    await ports.tick()
    ports.drive(start=0)
    for cycle in range(20):
        ports.drive(o__ready=int(cycle == 10))
        await ports.settle()
        expected = totals[int(cycle > 10)]
        assert ports.read("o__valid") and ports.record("o__payload").value == expected
        await ports.tick()
