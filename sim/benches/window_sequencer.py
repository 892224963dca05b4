"""The window sequencer against the enumeration that compiler and interpreter use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.utils import get_sim_time

from pann_hw.program.program import Pass
from rtl_gen.window_sequencer import WindowRequest
from sim.benches.passes import Descriptor, fetches, random_passes
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, StreamRules, get
from sim.benches.units import CONFIG, FOUR_TERMS, MANY_LANES, ONE_RAIL, unit_ports

__all__ = ["passes", "requests"]

_CONFIGS = {"two": CONFIG, "one": ONE_RAIL, "four": FOUR_TERMS, "many_lanes": MANY_LANES}
"""What the unit does not know: how many lanes and banks there are."""


def requests(item: Pass, tile: int) -> Iterator[dict[str, int]]:
    """The requests of one tile, by divisions where the hardware adds."""
    row, step = divmod(tile, item.grid.steps)
    for segment, window, last in fetches(item):
        grid = segment.grid
        word, strips, lanes = segment.position(row, step, window)
        channel = segment.base + window.channel // segment.banks * grid.words
        yield {
            "address": channel + word,
            "strips": strips,
            "lanes": lanes,
            "strips_there": grid.strips - (word // grid.steps >= grid.last_rows),
            "columns_there": grid.columns_used - (word % grid.steps >= grid.last_steps),
            "columns_bits": item.grid.columns.bit_length() - 1,
            "pad_value": segment.pad_value,
            "group_last": int(last),
        }


async def _start(ports: Ports, descriptor: Descriptor) -> None:
    ports.drive(
        item=descriptor.item,
        segments=(descriptor.segments * 2)[:2],
        start=1,
    )
    await ports.tick()
    # The unit has a pass to itself once it has begun.
    ports.drive(item=0, segments=0, start=0)


@bench_test
@cocotb.parametrize(pauses=list(PAUSES), banks=list(_CONFIGS))
async def passes(dut: Any, pauses: str, banks: str) -> None:
    """Every request of every tile, for any grid, kernel, stride, padding, one segment or two."""
    ports = unit_ports(dut, "window_sequencer")
    await ports.begin()
    rules = StreamRules(ports, "o")
    cocotb.start_soon(rules.watch())
    pattern = PAUSES[pauses]()
    for descriptor in random_passes(_CONFIGS[banks], 1200):
        await _start(ports, descriptor)
        item = descriptor.compiled
        tiles = [list(requests(item, tile)) for tile in range(item.tiles)]
        expected = [request for tile in tiles for request in tile]
        begin = get_sim_time("ns")
        words = await get(ports, "o", len(expected) - 1, pattern)
        assert ports.read("busy")
        words += await get(ports, "o", 1, pattern)
        found = [WindowRequest.from_bits(word) for word in words]
        for record, request in zip(found, expected, strict=True):
            assert {name: int(getattr(record, name)) for name in request} == request, f"of {item}"
        if pauses == "never":
            # Two cycles of preparation.
            cycles = round((get_sim_time("ns") - begin) / 10)
            assert cycles == len(expected) + 2
        assert not ports.read("busy") and not ports.read("o__valid")
    assert (rules.waited > 0) == (pauses != "never")
