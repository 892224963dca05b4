"""The UART: bytes there and back, clocks that differ, stop bits that are none."""

from __future__ import annotations

import random
from typing import Any

from sim.benches.link_units import DIVISORS, link_ports
from sim.benches.ports import Ports, bench_test

__all__ = ["broken", "there_and_back", "unequal_clocks"]

_VALUES = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7E]


async def _both(dut: Any, divisor: int) -> tuple[Ports, Ports]:
    sender, taker = (
        link_ports(dut, f"uart_{part}_{divisor}") for part in ("transmitter", "receiver")
    )
    sender.drive(i__valid=0, i__payload=0)
    taker.drive(rx=1)
    return sender, taker


@bench_test
async def there_and_back(dut: Any) -> None:
    """What one end sends the other takes, without a pause and with some."""
    clock = link_ports(dut, "checksum")
    await clock.begin()
    for divisor in DIVISORS:
        sender, taker = await _both(dut, divisor)
        await clock.tick(3 * divisor)
        values = _VALUES + [random.getrandbits(8) for _ in range(20)]
        taken: list[int] = []
        sent, cycles = 0, 0
        while len(taken) < len(values):
            taker.drive(rx=sender.read("tx"))
            offered = sent < len(values) and (cycles < 150 * divisor or random.random() < 0.01)
            sender.drive(i__valid=int(offered), i__payload=values[min(sent, len(values) - 1)])
            await clock.settle()
            sent += offered and sender.read("i__ready")
            if taker.read("valid"):
                taken.append(taker.read("data"))
            assert not taker.read("broken")
            await clock.tick()
            cycles += 1
            assert cycles < 40_000
        assert taken == values


async def _waveform(taker: Ports, levels: list[int], period: float) -> tuple[list[int], int]:
    """Put levels on the line, each for so many cycles; the bytes taken, and those broken."""
    taken, broken = [], 0
    for cycle in range(int(len(levels) * period) + 4):
        taker.drive(rx=levels[min(int(cycle / period), len(levels) - 1)])
        await taker.settle()
        if taker.read("valid"):
            taken.append(taker.read("data"))
        broken += taker.read("broken")
        await taker.tick()
    return taken, broken


def _levels(values: list[int]) -> list[int]:
    return [level for value in values for level in (0, *(value >> bit & 1 for bit in range(8)), 1)]


@bench_test
async def unequal_clocks(dut: Any) -> None:
    """A line up to 2 % faster or slower than the receiver."""
    clock = link_ports(dut, "checksum")
    await clock.begin()
    for divisor in DIVISORS:
        _, taker = await _both(dut, divisor)
        await clock.tick(3 * divisor)
        for rate in (0.98, 0.99, 1.01, 1.02):
            values = _VALUES + [random.getrandbits(8) for _ in range(10)]
            levels = [1] * 5 + _levels(values) + [1] * 5
            assert await _waveform(taker, levels, divisor * rate) == (values, 0)


@bench_test
async def broken(dut: Any) -> None:
    """A stop bit that is none is told; after rest the next byte is right, also after a break."""
    clock = link_ports(dut, "checksum")
    await clock.begin()
    for divisor in DIVISORS:
        _, taker = await _both(dut, divisor)
        await clock.tick(3 * divisor)
        levels = [1, *_levels([0x31])[:-1], 0, 1, 1, *_levels([0x7D]), 1]
        assert await _waveform(taker, levels, divisor) == ([0x7D], 1)
        levels = [1, *[0] * 35, 1, 1, *_levels([0x42]), 1]
        assert await _waveform(taker, levels, divisor) == ([0x42], 1)
