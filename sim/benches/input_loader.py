"""The input loader against an enumeration of rows and columns."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.streams import PAUSES, put
from sim.benches.units import CONFIG, unit_ports

__all__ = ["rows"]


@bench_test
@cocotb.parametrize(pauses=list(PAUSES))
async def rows(dut: Any, pauses: str) -> None:
    """Inputs of all widths around the lanes: each element once, in its place, none beyond."""
    ports = unit_ports(dut, "input_loader")
    await ports.begin()
    for width in range(1, 2 * CONFIG.lanes + 2):
        base, count = random.randrange(1 << 15), random.randint(1, 4)
        elements = [random.randrange(256) for _ in range(width * count)]
        # An element that comes before the start, or after the end, is not taken.
        ports.drive(i__valid=1, i__payload=77)
        await ports.settle()
        assert not ports.read("i__ready") and not ports.read("take") and not ports.read("busy")
        await ports.tick()
        ports.drive(i__valid=0, start=1, base=base, width=width, rows=count)
        await ports.tick()
        ports.drive(start=0)

        producer = cocotb.start_soon(put(ports, "i", elements, PAUSES[pauses]()))
        written: list[tuple[int, ...]] = []
        while len(written) < len(elements):
            await ports.settle()
            assert ports.read("busy")
            if ports.read("take"):
                place = tuple(
                    ports.read(name) for name in ("address", "lane", "element", "complete")
                )
                written.append(place)
            await ports.tick()
        await producer
        row_words = -(-width // CONFIG.lanes)
        assert written == [
            (
                base + row * row_words + x // CONFIG.lanes,
                x % CONFIG.lanes,
                elements[row * width + x],
                int(x % CONFIG.lanes == CONFIG.lanes - 1 or x == width - 1),
            )
            for row in range(count)
            for x in range(width)
        ]
        assert not ports.read("busy")
