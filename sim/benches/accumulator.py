"""Accumulators, gated and not, and those that only add, against plain addition with wrap-around."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.units import (
    DIGIT_BITS,
    FOUR_TERMS,
    NARROW,
    UNSIGNED_ADDEND_BITS,
    WIDE,
    unit_ports,
)

__all__ = ["digits", "every_sum", "full_width", "hold_and_clear", "short_delta", "turns"]

_NARROW_VALUES = range(-(1 << NARROW - 1), 1 << NARROW - 1)


def _wrapped(value: int, width: int) -> int:
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


@bench_test
async def every_sum(dut: Any) -> None:
    """All values times all deltas; an upper register is enabled just where it changes.

    Every value is set by a clear, over all values that are there before, so with every carry that
    the clear has to suppress.
    """
    benches = {low: unit_ports(dut, f"accumulator_{low}") for low in range(1, NARROW + 1)}
    for ports in benches.values():
        await ports.begin()
    checked = 0
    for value in _NARROW_VALUES:
        for delta in _NARROW_VALUES:
            for ports in benches.values():
                ports.drive(clear=1, enable=1, delta=value)
            await ports.tick()
            for ports in benches.values():
                assert ports.read("value") == value, "clear"
                ports.drive(clear=0, delta=delta)
            await ports.settle()
            clocked = {low: _clocked(dut, f"accumulator_{low}") for low in range(1, NARROW)}
            await ports.tick()
            after = _wrapped(value + delta, NARROW)
            for low, ports in benches.items():
                assert ports.read("value") == after, f"low_bits {low}: {value} + {delta}"
                changes = after >> low != value >> low
                assert clocked.get(low, changes) == changes, f"low_bits {low}: {value} + {delta}"
                checked += 1
    assert checked == len(benches) << 2 * NARROW


def _clocked(dut: Any, name: str) -> bool:
    """Whether an addition enables the upper register."""
    return int(getattr(dut, name).step.value) != 0


@bench_test
async def short_delta(dut: Any) -> None:
    """All values times all deltas of two bits, fewer than the low ones."""
    ports = unit_ports(dut, "accumulator_short")
    await ports.begin()
    ports.drive(enable=1)
    value, seen = 0, set()
    for _ in _NARROW_VALUES:
        # Each delta from one value, and back to it; then on to the next value.
        for delta in (0, -1, 1, -2, 1, 1, 1):
            ports.drive(delta=delta)
            await ports.settle()
            clocked = _clocked(dut, "accumulator_short")
            await ports.tick()
            seen.add((value, delta))
            after = _wrapped(value + delta, NARROW)
            assert ports.read("value") == after, f"{value} + {delta}"
            assert clocked == (after >> 4 != value >> 4), f"{value} + {delta}"
            value = after
    assert len(seen) == 4 << NARROW


@bench_test
async def full_width(dut: Any) -> None:
    """Long random runs at the full width: around 0, and from one end to the other."""
    ports = unit_ports(dut, "accumulator_wide")
    await ports.begin()
    most = (1 << FOUR_TERMS.step_width - 1) - 1
    expected = 0

    async def add(delta: int, enable: int = 1) -> bool:
        """Add and compare; whether the sum wraps."""
        nonlocal expected
        ports.drive(enable=enable, delta=delta)
        await ports.tick()
        total = expected + enable * delta
        expected = _wrapped(total, WIDE)
        assert ports.read("value") == expected
        return total != expected

    async def walk(steps: int) -> int:
        """Random steps; how many of the sums wrap."""
        wraps = 0
        for _ in range(steps):
            delta = random.choice((random.randint(-most - 1, most), random.randrange(-40, 40)))
            wraps += await add(delta, int(random.random() < 0.8))
        return wraps

    assert await walk(1500) == 0
    while expected + most < 1 << WIDE - 1:
        assert not await add(most)
    assert await walk(3000) > 0


@bench_test
async def hold_and_clear(dut: Any) -> None:
    """Without enable nothing changes, clear or not; a clear starts from the delta alone."""
    benches = [unit_ports(dut, f"accumulator_{low}") for low in (3, NARROW)]
    for ports in benches:
        await ports.begin()
    expected = 0
    for clear, enable, delta in (
        (1, 1, 0), (0, 1, -7), (0, 0, 5), (1, 0, 5), (0, 1, 5), (1, 1, 31), (1, 1, -1), (1, 1, 0),
        (0, 1, 9), (1, 0, 0), (1, 1, -32),
    ):  # fmt: skip
        for ports in benches:
            ports.drive(clear=clear, enable=enable, delta=delta)
        await ports.tick()
        if enable:
            expected = delta if clear else expected + delta
        for ports in benches:
            assert ports.read("value") == expected, f"clear {clear}, enable {enable}, delta {delta}"


@bench_test
async def digits(dut: Any) -> None:
    """All values, scaled by a digit, times all deltas; without enable or with clear no scaling."""
    names = {bits: [f"accumulator_digits_{bits}"] for bits in DIGIT_BITS}
    names[DIGIT_BITS[1]].append("accumulator_digits_plain")
    pairs = [(bits, unit_ports(dut, name)) for bits, group in names.items() for name in group]
    every = [ports for _, ports in pairs]
    for ports in every:
        await ports.begin()
    for value in _NARROW_VALUES:
        for delta in _NARROW_VALUES:
            for ports in every:
                # A clear begins anew, whatever is to be scaled.
                ports.drive(clear=1, enable=1, scale=random.getrandbits(1), delta=value)
            await ports.tick()
            for ports in every:
                assert ports.read("value") == value, "clear"
                ports.drive(clear=0, enable=0, scale=1, delta=delta)
            if random.random() < 0.1:
                await ports.tick()
            for ports in every:
                assert ports.read("value") == value, "not enabled"
                ports.drive(enable=1)
            await ports.tick()
            for bits, ports in pairs:
                expected = _wrapped((value << bits) + delta, NARROW)
                assert ports.read("value") == expected, f"{bits} bits: {value}, {delta}"
            for ports in every:
                ports.drive(scale=0)
            await ports.tick()
            for bits, ports in pairs:
                expected = _wrapped((value << bits) + 2 * delta, NARROW)
                assert ports.read("value") == expected, f"{bits} bits: {value}, {delta} twice"


@bench_test
@cocotb.parametrize(bits=list(UNSIGNED_ADDEND_BITS))
async def turns(dut: Any, bits: int) -> None:
    """Unsigned accumulators of every split in random additions, turns, clears and pauses."""
    benches = {
        low: unit_ports(dut, f"accumulator_unsigned_{low}_{bits}") for low in range(1, NARROW + 1)
    }
    for ports in benches.values():
        await ports.begin()
    value, overflows, seen = 0, 0, set()
    for step in range(6000):
        # Around 0 by turns, and from one end to the other.
        turning, clearing = ((0.3, 0.05), (0.02, 0.0), (0.0, 0.0))[step // 500 % 3]
        addend = random.choice((0, random.getrandbits(bits)))
        # A product with 0 is occupied, and adds nothing.
        occupied = int(addend > 0 or random.random() < 0.5)
        enable, clear = int(random.random() < 0.9), int(random.random() < clearing)
        turn = int(random.random() < turning)
        for ports in benches.values():
            ports.drive(enable=enable, clear=clear, turn=turn, occupied=occupied, addend=addend)
        await ports.tick()
        if enable:
            seen.add(value)
            kept = 0 if clear else -value if turn else value
            overflows += _wrapped(kept + addend, NARROW) != kept + addend
            value = _wrapped(kept + addend, NARROW)
        for low, ports in benches.items():
            found = ports.read("value")
            assert found == value, f"low_bits {low}: {found}, not {value}"
    assert len(seen) == 1 << NARROW
    assert overflows > 0
