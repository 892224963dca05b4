"""The max pooling unit against the maximum of each channel's windows."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from pann_hw.config import AcceleratorConfig
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, FOUR_TERMS, ONE_RAIL, unit_ports

__all__ = ["disabled", "passes"]

_POOLS = {"max_pool": CONFIG, "max_pool_one_bank": ONE_RAIL, "max_pool_four_banks": FOUR_TERMS}


class _Bench:
    """The unit behind a ring of windows that is filled as it lets the reader."""

    def __init__(self, dut: Any, unit: str, delay: float) -> None:
        self.config: AcceleratorConfig = _POOLS[unit]
        self.ports: Ports = unit_ports(dut, unit)
        self._delay = delay
        self._groups = self.config.window_slots // self.config.banks
        self._ring = np.zeros((self.config.window_slots, self.config.lanes), np.int64)
        self._last = 0
        # Groups since the flush.
        self._accepted = self._filled = 0
        self.stored: list[tuple[int, int, int, list[list[int]]]] = []
        self.blocked = 0

    async def cycle(self, windows: np.ndarray, ends: list[int], end: int, **inputs: Any) -> None:
        """A cycle; the reader goes on with groups of ``windows``, whose last is number ``end``."""
        banks, modulus = self.config.banks, 2 * self.config.window_slots
        if self._filled < self._accepted and random.random() >= self._delay:
            index, place = self._filled - end + len(windows), self._filled % self._groups
            self._ring[place * banks : (place + 1) * banks] = windows[index]
            self._last = self._last & ~(1 << place) | ends[index] << place
            self._filled += 1
        self.ports.drive(
            rows=self._ring.tolist(),
            last=self._last,
            accepted=self._accepted * banks % modulus,
            filled=self._filled * banks % modulus,
            **inputs,
        )
        await self.ports.settle()
        if self.ports.read("write"):
            words = [list(word) for word in self.ports.record("value")]
            address, phase, upper = map(self.ports.read, ("address", "phase", "upper"))
            self.stored.append((address, phase, upper, words))
        blocking = self.ports.read("blocking")
        self.blocked += blocking
        if not blocking and self._accepted < end:
            self._accepted += 1
        await self.ports.tick()

    async def pool(
        self, rows: int, steps: int, groups: int, taps: int, early: int, *, halve: bool = False
    ) -> int:
        """A pass of random windows, some of them ``early``; compares what is stored: cycles.

        Tiles are the pixels of blocks of ``rows`` * ``steps``.
        """
        tiles = rows * steps
        config, count = self.config, tiles * groups * taps
        # Small differences, or any; maxima at either end of the range.
        high = random.choice((2, 256))
        shape = (count, config.banks, config.lanes)
        windows = np.random.default_rng(random.getrandbits(32)).integers(0, high, shape)
        windows += random.choice((0, 256 - high))
        ends = [int((index + 1) % taps == 0) for index in range(count)]
        base, end = self._accepted, self._accepted + count
        # All within a bank, as programs have it.
        output = random.getrandbits(config.size_bits - 1)
        pitch = tiles if random.random() < 0.5 else random.getrandbits(config.size_bits - 4)
        for _ in range(early):
            await self.cycle(windows, ends, end)
        assert self.ports.read("done") and not self.stored
        assert self._accepted - base == min(early, count, self._groups)
        settings = {
            "tiles": tiles, "groups": groups, "output_base": output, "pitch": pitch,
            "steps": steps, "halve": int(halve),
        }  # fmt: skip
        number = base * config.banks % (2 * config.window_slots)
        await self.cycle(windows, ends, end, **settings, base=number, start=1, enable=1)
        self.ports.drive(start=0, enable=0, base=0)
        cycles = 0
        while not self.ports.read("done"):
            await self.cycle(windows, ends, end)
            cycles += 1
            assert cycles < 40 * count + 100, f"{len(self.stored)} of {tiles * groups} maxima"
        # The last maxima leave as the unit is done.
        for _ in range(1 + halve):
            await self.cycle(windows, ends, end)
        maxima = windows.reshape(tiles, groups, taps, config.banks, config.lanes).max(2)
        expected = []
        for tile in range(tiles):
            row, step = divmod(tile, steps)
            places = [(tile, 0, 0)]
            if halve:
                upper, row = divmod(row, rows // 2)
                places = [((2 * row + phase) * steps + step, phase, upper) for phase in range(2)]
            expected += [
                (
                    output + group * pitch + place,
                    phase,
                    upper,
                    maxima[tile, group].tolist(),
                )
                for group in range(groups)
                for place, phase, upper in places
            ]
        assert self.stored == expected
        self.stored.clear()
        return cycles


@bench_test
@cocotb.parametrize(unit=list(_POOLS), delay=[0.0, 0.8])
async def passes(dut: Any, unit: str, delay: float) -> None:
    """Pass after pass, whose windows may come before it begins; never over one still needed."""
    bench = _Bench(dut, unit, delay)
    await bench.ports.begin()
    # The first pass enables the unit: from then on it holds up windows that come early.
    await bench.pool(1, 1, 1, 1, 0)
    for number in range(20):
        halve = number % 2 == 1
        rows, steps = random.randint(1, 2) * (1 + halve), random.randint(1, 3)
        groups, taps = random.randint(1, 4), random.randint(1, 9)
        early = random.choice((0, random.randint(1, 30)))
        cycles = await bench.pool(rows, steps, groups, taps, early, halve=halve)
        if not delay:
            # Two cycles until the first window is there, one for each second half.
            assert cycles <= rows * steps * groups * (taps + halve) + 2
    assert bench.blocked


@bench_test
@cocotb.parametrize(unit=list(_POOLS))
async def disabled(dut: Any, unit: str) -> None:
    """A pass without pooling is done at once and holds up nobody, nor does a unit after a flush."""
    ports = unit_ports(dut, unit)
    await ports.begin()
    slots = _POOLS[unit].window_slots
    full = {"accepted": slots, "filled": slots}
    for begin, end in (({"enable": 0, "start": 1}, {"start": 0}), ({"flush": 1}, {"flush": 0})):
        # A pass with pooling comes before each.
        ports.drive(start=1, enable=1, tiles=1, groups=1, base=0, accepted=0, filled=0)
        await ports.tick()
        banks = _POOLS[unit].banks
        ports.drive(start=0, enable=0, last=2**32 - 1, accepted=banks, filled=banks)
        await ports.tick(2)
        assert ports.read("done")
        ports.drive(**begin)
        await ports.tick()
        ports.drive(**end, **full)
        for _ in range(10):
            await ports.settle()
            assert ports.read("done") and not ports.read("blocking") and not ports.read("write")
            await ports.tick()
