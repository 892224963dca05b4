"""The lane kinds against integers."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["csd", "unary"]

_STEPS = 1500


async def _run(dut: Any, name: str, rails: int, max_shift: int) -> None:
    ports = unit_ports(dut, name)
    await ports.begin()
    width = CONFIG.accumulator_width
    value = 0
    for step in range(_STEPS):
        load = int(step % 300 == 0)
        bias = random.randrange(-1000, 1000)
        # Terms come in runs of one operand, often of none: the corners are 0 and 255.
        p, n = (random.choice((0, 255, random.randrange(256))) for _ in range(2))
        p_shift, n_shift = (random.randint(0, max_shift) for _ in range(2))
        subtract, enable = random.getrandbits(1), int(random.random() < 0.9)
        ports.drive(load=load, bias=bias, enable=enable, subtract=subtract)
        ports.drive(p=p, n=n, p_shift=p_shift, n_shift=n_shift)
        await ports.tick()
        one_rail = -p if subtract else p
        delta = one_rail if rails == 1 else (p << p_shift) - (n << n_shift)
        value = bias if load else value + enable * delta
        value = (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)
        assert ports.read("value") == value, f"{name}, step {step}"


@bench_test
@cocotb.parametrize(rails=[1, 2])
async def unary(dut: Any, rails: int) -> None:
    """``p - n`` with two rails; ``p`` or ``-p`` with one."""
    await _run(dut, f"lane_unary_{rails}", rails, 0)


@bench_test
@cocotb.parametrize(max_shift=[1, 3, 7])
async def csd(dut: Any, max_shift: int) -> None:
    """``(p << p_shift) - (n << n_shift)``."""
    await _run(dut, f"lane_csd_{max_shift}", 2, max_shift)
