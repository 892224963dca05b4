"""The input loader against the lane grid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from pann_hw.program.grid import Grid
from pann_hw.registers.error import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, beats, put
from sim.benches.units import INPUTS, unit_ports

__all__ = ["given_up", "inputs", "wrong_ends"]

Place = tuple[int, int, int, int]
"""(bank, address, lane, element)."""


class _Bench:
    """A loader with the inputs that it can take."""

    def __init__(self, dut: Any, unit: str) -> None:
        self.config: AcceleratorConfig = INPUTS[unit]
        self.ports: Ports = unit_ports(dut, unit)
        self.size = self.config.input_elements

    def grid(self) -> Grid:
        """A random grid of the lanes, and a map that fits it, whole or not."""
        columns = 1 << random.randrange(self.config.lanes.bit_length())
        rows, steps = random.randint(1, 3), random.randint(1, 3)
        height = random.randint(1, rows * self.config.lanes // columns)
        width = random.randint(1, steps * columns)
        if columns >= self.size > 1 and random.random() < 0.5:
            width = self.size * random.randint(1, columns // self.size)
            return Grid(height, width, columns, rows, 1)
        return Grid(height, width, columns, rows, steps, transposed=random.random() < 0.5)

    def whole(self, grid: Grid) -> bool:
        """Whether beats can be written whole."""
        lines = self.size > 1 and grid.steps == 1 and not grid.transposed
        return lines and grid.width % self.size == 0

    def point(self, grid: Grid, base: int, channels: int) -> dict[str, int]:
        """The POINT record of an input."""
        whole = self.whole(grid)
        return {
            "base": base, "rows": grid.rows, "steps": grid.steps, "channels": channels,
            "last_rows": grid.last_rows, "last_steps": grid.last_steps, "pitch": grid.words,
            "strips": grid.strips, "transposed": int(grid.transposed), "whole_beats": int(whole),
            "columns": grid.columns_used // (self.size if whole else 1),
            "columns_bits": grid.columns.bit_length() - 1,
        }  # fmt: skip

    def places(self, grid: Grid, base: int, elements: list[int]) -> list[Place]:
        """Where an input's elements go."""
        owner = {
            (y, x): (word, lane) for word in range(grid.words) for lane, y, x in grid.lanes(word)
        }
        found = []
        for number, element in enumerate(elements):
            channel, pixel = divmod(number, grid.height * grid.width)
            word, lane = owner[divmod(pixel, grid.size[1])]
            group, bank = divmod(channel, self.config.banks)
            address = (base + group * grid.words + word) % (1 << self.config.address_bits)
            found.append((bank, address, lane, element))
        return found

    def taken(self) -> Iterator[Place]:
        """What is written in this cycle."""
        if not self.ports.read("take"):
            return
        bank, address, lane = (self.ports.read(name) for name in ("bank", "address", "lane"))
        elements = self.ports.read("elements").to_bytes(self.size, "little")
        if not self.ports.read("whole_beat"):
            assert set(elements) == {elements[0]}
            elements = elements[:1]
        for number, element in enumerate(elements):
            yield bank, address, lane + number, element

    async def run(self, pauses: str) -> None:
        """A right input."""
        ports, grid = self.ports, self.grid()
        base, channels = random.randrange(1 << self.config.address_bits), random.randint(1, 5)
        elements = [random.randrange(256) for _ in range(channels * grid.height * grid.width)]
        # An element that comes before the start, or after the end, is not taken.
        ports.drive(i__valid=1, i__payload=77)
        await ports.settle()
        assert not ports.read("i__ready") and not ports.read("take") and not ports.read("busy")
        await ports.tick()
        ports.drive(i__valid=0, start=1, point=self.point(grid, base, channels))
        await ports.tick()
        ports.drive(start=0)

        producer = cocotb.start_soon(put(ports, "i", beats(elements, self.size), PAUSES[pauses]()))
        taken: list[Place] = []
        cycles = 0
        while len(taken) < len(elements):
            held = random.random() < 0.2
            ports.drive(hold=held)
            await ports.settle()
            assert ports.read("busy") and not ports.read("error")
            assert not (held and (ports.read("take") or ports.read("i__ready")))
            taken += self.taken()
            cycles += ports.read("take")
            await ports.tick()
        ports.drive(hold=0)
        await producer
        assert taken == self.places(grid, base, elements)
        assert cycles == len(elements) // (self.size if self.whole(grid) else 1)
        assert not ports.read("busy")


@bench_test
@cocotb.parametrize(unit=list(INPUTS), pauses=list(PAUSES))
async def inputs(dut: Any, unit: str, pauses: str) -> None:
    """Maps of all grids of the lanes, as they are and transposed: each element once, in its place,
    none beyond; whole beats in one cycle."""
    bench = _Bench(dut, unit)
    await bench.ports.begin()
    for _ in range(25):
        await bench.run(pauses)


@bench_test
@cocotb.parametrize(unit=list(INPUTS), whole=[False, True])
async def wrong_ends(dut: Any, unit: str, whole: bool) -> None:
    """The last beat too early, too late, or not at all: an error, and the next input is right."""
    bench = _Bench(dut, unit)
    ports, size = bench.ports, bench.size
    await ports.begin()
    # Rows that beats fill, or cross: the last beat is then a part of one.
    grid = Grid(2, size if whole else 3, bench.config.lanes, 2, 1)
    channels, base = 3 - whole, 5
    point = bench.point(grid, base, channels)
    elements = [random.randrange(256) for _ in range(channels * grid.height * grid.width)]
    assert (len(elements) % size > 0) == (size > 2 and not whole)
    right = beats(elements, size)
    last = 1 << 8 * size
    for payloads, stop, error in (
        ([*right[:-2], right[-2] | last], 0, Error.INPUT_SHORT),
        ([*right[:-1], right[-1] ^ last, 1, 2, last], 0, Error.INPUT_LONG),
        (right[:-2], 1, Error.INPUT_STOPPED),
        (right, 0, Error.NONE),
        ([last], 0, Error.INPUT_SHORT),
        ([*right[:-1], right[-1] ^ last, last], 0, Error.INPUT_LONG),
        ([], 1, Error.INPUT_STOPPED),
        (right, 0, Error.NONE),
    ):
        ports.drive(start=1, point=point)
        await ports.tick()
        ports.drive(start=0)
        errors: list[int] = []
        taken: list[Place] = []
        for payload in payloads:
            ports.drive(i__valid=1, i__payload=payload)
            ready, cycles = 0, 0
            while not ready:
                await ports.settle()
                ready = ports.read("i__ready")
                errors.append(ports.read("error"))
                taken += bench.taken()
                await ports.tick()
                cycles += 1
            assert cycles <= (1 if bench.whole(grid) else size)
        ports.drive(i__valid=0, stop=stop)
        await ports.settle()
        errors.append(ports.read("error"))
        await ports.tick()
        ports.drive(stop=0)
        assert [one for one in errors if one] == [error] * (error != Error.NONE)
        expected = bench.places(grid, base, elements)
        if payloads == right:
            assert taken == expected
        else:
            assert [place[:3] for place in taken] == [place[:3] for place in expected[: len(taken)]]
        assert not ports.read("busy")
        ports.drive(i__valid=1)
        await ports.settle()
        assert not ports.read("i__ready"), "takes what comes after the end"
        await ports.tick()
        ports.drive(i__valid=0)


@bench_test
@cocotb.parametrize(unit=list(INPUTS))
async def given_up(dut: Any, unit: str) -> None:
    """An input that is given up within a beat: the beat is accepted, and the next input is
    right."""
    bench = _Bench(dut, unit)
    ports, size = bench.ports, bench.size
    await ports.begin()
    grid = Grid(2, 3, bench.config.lanes, 2, 1)
    elements = [random.randrange(256) for _ in range(2 * grid.height * grid.width)]
    for taken_before in (*range(size), 0):
        ports.drive(start=1, point=bench.point(grid, 0, 2))
        await ports.tick()
        ports.drive(start=0, i__valid=1, i__payload=1 << 8 * size)
        await ports.tick(taken_before)
        ports.drive(stop=1)
        await ports.settle()
        ends = taken_before == size - 1
        assert ports.read("i__ready")
        assert ports.read("error") == (Error.INPUT_SHORT if ends else Error.INPUT_STOPPED)
        await ports.tick()
        ports.drive(stop=0, i__valid=0)
        ports.drive(start=1)
        await ports.tick()
        ports.drive(start=0)
        producer = cocotb.start_soon(put(ports, "i", beats(elements, size)))
        taken: list[Place] = []
        while len(taken) < len(elements):
            await ports.settle()
            taken += bench.taken()
            await ports.tick()
        await producer
        assert taken == bench.places(grid, 0, elements)
        assert not ports.read("busy")
