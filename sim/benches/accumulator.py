"""The carry-gated accumulator against plain addition with wrap-around."""

from __future__ import annotations

import random
from typing import Any

from sim.benches.ports import Ports, bench_test
from sim.benches.units import NARROW, WIDE, unit_ports

__all__ = ["every_sum", "full_width", "hold_and_load"]


def _wrapped(value: int, width: int) -> int:
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


def _narrow(dut: Any) -> dict[str, tuple[Ports, Any, int, int]]:
    """Name -> ports, instance, low_bits and delta_width of the accumulators of NARROW bits."""
    sizes = {f"accumulator_{low}": (low, NARROW) for low in range(1, NARROW)}
    sizes["accumulator_short"] = (4, 2)
    return {
        name: (unit_ports(dut, name), getattr(dut, name), *size) for name, size in sizes.items()
    }


@bench_test
async def every_sum(dut: Any) -> None:
    """All values times all deltas; the upper register is enabled just where it changes."""
    benches = _narrow(dut)
    for ports, *_ in benches.values():
        await ports.begin()
    checked = 0
    for value in range(-(1 << NARROW - 1), 1 << NARROW - 1):
        for delta in range(-(1 << NARROW - 1), 1 << NARROW - 1):
            for ports, *_ in benches.values():
                ports.drive(load=1, load_value=value, enable=1, delta=delta)
            await ports.tick()
            for ports, *_ in benches.values():
                ports.drive(load=0)
            await ports.settle()
            enabled = {name: int(bench[1].step.value) != 0 for name, bench in benches.items()}
            await ports.tick()
            for name, (ports, _, low, width) in benches.items():
                step = _wrapped(delta, width)
                after = _wrapped(value + step, NARROW)
                assert ports.read("value") == after, f"{name}: {value} + {step}"
                assert enabled[name] == (after >> low != value >> low), f"{name}: {value} + {step}"
                checked += 1
    assert checked == len(benches) << 2 * NARROW


@bench_test
async def full_width(dut: Any) -> None:
    """Long random runs at the full width, wrap-around included."""
    ports = unit_ports(dut, "accumulator_wide")
    await ports.begin()
    for start in (0, (1 << WIDE - 1) - 5000, -(1 << WIDE - 1) + 5000, -1):
        expected = start
        ports.drive(load=1, load_value=start)
        await ports.tick()
        ports.drive(load=0)
        for _ in range(1500):
            delta = random.choice((random.randrange(-2048, 2048), random.randrange(-40, 40)))
            enable = int(random.random() < 0.8)
            ports.drive(enable=enable, delta=delta)
            await ports.tick()
            expected = _wrapped(expected + enable * delta, WIDE)
            assert ports.read("value") == expected
        ports.drive(enable=0)


@bench_test
async def hold_and_load(dut: Any) -> None:
    """A load wins over an addition; without either the value stays."""
    ports = unit_ports(dut, "accumulator_3")
    await ports.begin()
    assert ports.read("value") == 0
    ports.drive(load=1, load_value=-7, enable=1, delta=5)
    await ports.tick()
    ports.drive(load=0, enable=0)
    await ports.tick(3)
    assert ports.read("value") == -7
    ports.drive(enable=1)
    await ports.tick()
    assert ports.read("value") == -2
