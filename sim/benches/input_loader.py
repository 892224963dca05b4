"""The input loader against the lane grid."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from pann_hw.program.grid import Grid
from rtl_gen.program_loader import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import CONFIG, unit_ports

__all__ = ["inputs", "wrong_ends"]

_LAST = 1 << 8
"""Above the last element of an input."""

Place = tuple[int, int, int, int]
"""(bank, address, lane, element)."""


def _grid() -> Grid:
    """A random grid of the lanes, and a map that fits it, whole or not."""
    columns = 1 << random.randrange(CONFIG.lanes.bit_length())
    rows, steps = random.randint(1, 3), random.randint(1, 3)
    height = random.randint(1, rows * CONFIG.lanes // columns)
    width = random.randint(1, steps * columns)
    return Grid(height, width, columns, rows, steps, transposed=random.random() < 0.5)


def _expected(grid: Grid, base: int, elements: list[int]) -> list[Place]:
    owner = {(y, x): (word, lane) for word in range(grid.words) for lane, y, x in grid.lanes(word)}
    places = []
    for number, element in enumerate(elements):
        channel, pixel = divmod(number, grid.height * grid.width)
        word, lane = owner[divmod(pixel, grid.size[1])]
        group, bank = divmod(channel, CONFIG.banks)
        places.append((bank, (base + group * grid.words + word) % 2**16, lane, element))
    return places


async def _run(ports: Ports, pauses: str) -> None:
    grid, base, channels = _grid(), random.randrange(1 << 16), random.randint(1, 5)
    elements = [random.randrange(256) for _ in range(channels * grid.height * grid.width)]
    # An element that comes before the start, or after the end, is not taken.
    ports.drive(i__valid=1, i__payload=77)
    await ports.settle()
    assert not ports.read("i__ready") and not ports.read("take") and not ports.read("busy")
    await ports.tick()
    height, width = grid.size
    point = {
        "base": base, "width": width, "height": height, "rows": grid.rows,
        "steps": grid.steps, "channels": channels, "pitch": grid.words,
        "columns_bits": grid.columns.bit_length() - 1, "transposed": int(grid.transposed),
    }  # fmt: skip
    ports.drive(i__valid=0, start=1, point=point)
    await ports.tick()
    ports.drive(start=0)

    payloads = [*elements[:-1], elements[-1] | _LAST]
    producer = cocotb.start_soon(put(ports, "i", payloads, PAUSES[pauses]()))
    taken: list[Place] = []
    while len(taken) < len(elements):
        held = random.random() < 0.2
        ports.drive(hold=held)
        await ports.settle()
        assert ports.read("busy") and not ports.read("error")
        assert not (held and (ports.read("take") or ports.read("i__ready")))
        if ports.read("take"):
            bank, address, lane, element = (
                ports.read(name) for name in ("bank", "address", "lane", "element")
            )
            taken.append((bank, address, lane, element))
        await ports.tick()
    ports.drive(hold=0)
    await producer
    assert taken == _expected(grid, base, elements)
    assert not ports.read("busy")


@bench_test
@cocotb.parametrize(pauses=list(PAUSES))
async def inputs(dut: Any, pauses: str) -> None:
    """Maps of all grids of the lanes, as they are and transposed: each element once, in its place,
    none beyond."""
    ports = unit_ports(dut, "input_loader")
    await ports.begin()
    for _ in range(25):
        await _run(ports, pauses)


@bench_test
async def wrong_ends(dut: Any) -> None:
    """The last element too early, too late, or not at all: an error, and the next input is
    right."""
    ports = unit_ports(dut, "input_loader")
    await ports.begin()
    point = {"width": 3, "height": 2, "rows": 2, "steps": 1, "channels": 2, "pitch": 2}
    point |= {"columns_bits": 2, "base": 5}
    count = 12
    for payloads, stop, error in (
        ([1] * (count - 2) + [_LAST], 0, Error.INPUT_SHORT),
        ([1] * (count + 5) + [_LAST], 0, Error.INPUT_LONG),
        ([1] * 4, 1, Error.INPUT_STOPPED),
        ([1] * (count - 1) + [_LAST], 0, Error.NONE),
        ([_LAST], 0, Error.INPUT_SHORT),
        ([1] * count + [_LAST], 0, Error.INPUT_LONG),
        ([1] * (count - 1) + [_LAST], 0, Error.NONE),
    ):
        ports.drive(start=1, point=point)
        await ports.tick()
        ports.drive(start=0)
        errors = []
        for payload in payloads:
            ports.drive(i__valid=1, i__payload=payload)
            await ports.settle()
            assert ports.read("i__ready")
            errors.append(ports.read("error"))
            await ports.tick()
        ports.drive(i__valid=0, stop=stop)
        await ports.settle()
        errors.append(ports.read("error"))
        await ports.tick()
        ports.drive(stop=0)
        assert [one for one in errors if one] == [error] * (error != Error.NONE)
        assert not ports.read("busy")
        ports.drive(i__valid=1)
        await ports.settle()
        assert not ports.read("i__ready"), "takes what comes after the end"
        await ports.tick()
        ports.drive(i__valid=0)
