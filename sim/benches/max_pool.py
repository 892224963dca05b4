"""The max pooling unit against the maximum of everything under a window's taps."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["disabled", "tiles"]

_SLOTS = CONFIG.window_slots


class _Window:
    def __init__(self, channel_last: bool) -> None:
        self.row = [random.choice((0, 255, random.randrange(256))) for _ in range(CONFIG.row_width)]
        self.taps = random.randint(1, 3)
        self.channel_last = channel_last


@bench_test
@cocotb.parametrize(delay=[0.0, 0.7])
async def tiles(dut: Any, delay: float) -> None:
    """Tiles of several channels; rows come at once, or late, and never over one still needed."""
    ports = unit_ports(dut, "max_pool")
    await ports.begin()
    for _ in range(20):
        channels = [
            [_Window(index == count - 1) for index in range(count)]
            for count in (random.randint(1, 7) for _ in range(random.randint(1, 4)))
        ]
        windows = [window for channel in channels for window in channel]
        ports.drive(prepare=1, enable=1, channels=len(channels), run=0, accepted=0, filled=0)
        await ports.tick()
        ports.drive(prepare=0, run=1)
        expected = [
            [
                max(w.row[lane + tap] for w in channel for tap in range(w.taps))
                for lane in range(CONFIG.lanes)
            ]
            for channel in channels
        ]
        found: list[list[int]] = []
        accepted = filled = cycles = 0
        slots = [windows[0]] * _SLOTS
        while len(found) < len(expected):
            if filled < accepted and random.random() >= delay:
                slots[filled % _SLOTS] = windows[filled]
                filled += 1
            ports.drive(
                rows=[window.row for window in slots],
                taps=[window.taps for window in slots],
                channel_last=sum(w.channel_last << i for i, w in enumerate(slots)),
                accepted=accepted,
                filled=filled,
            )
            await ports.settle()
            if ports.read("write"):
                found.append(list(ports.record("value")))
            if not ports.read("blocking") and accepted < len(windows):
                accepted += 1
            await ports.tick()
            cycles += 1
            assert cycles < 1000, f"{len(found)} of {len(expected)} channels after {cycles} cycles"
        assert found == expected
        assert ports.read("done")
        if not delay:
            # Two cycles until the first row is there, one until the last result is out.
            assert cycles <= sum(window.taps for window in windows) + 3


@bench_test
async def disabled(dut: Any) -> None:
    """A tile without pooling is done at once and holds up nobody."""
    ports = unit_ports(dut, "max_pool")
    await ports.begin()
    ports.drive(prepare=1, enable=0, channels=3)
    await ports.tick()
    ports.drive(prepare=0, run=1, accepted=_SLOTS, filled=_SLOTS, taps=[1] * _SLOTS)
    for _ in range(10):
        await ports.settle()
        assert ports.read("done") and not ports.read("blocking") and not ports.read("write")
        await ports.tick()
