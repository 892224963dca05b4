"""The lane kinds against integers, modulo the accumulator's width."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from sim.benches.ports import bench_test
from sim.benches.units import LANES, unit_ports

__all__ = ["multiple", "random_factor", "sums"]

_RUNS = 20
_STEPS = 100


def random_factor(config: AcceleratorConfig) -> int:
    """A factor that a term may have; a lane without factors ignores it."""
    if config.multiplies:
        largest = (1 << config.factor_bits) - 1
        return random.choice((0, largest, random.randint(0, largest)))
    return random.randint(0, max(config.shift, 1))


def multiple(config: AcceleratorConfig, factor: int, negative: int) -> int:
    """What a term multiplies its operand by."""
    if config.signed:
        return factor - (negative << config.factor_bits)
    if not config.multiplies:
        factor = 1 << factor if config.shift else 1
    return -factor if negative else factor


@bench_test
@cocotb.parametrize(name=list(LANES))
async def sums(dut: Any, name: str) -> None:
    """Runs of additions and subtractions, of one of them alone until they overflow, and pauses.

    Where numbers are taken digit by digit, what is there is scaled at times; an unsigned
    accumulator is turned as often as others subtract.
    """
    config = LANES[name]
    ports = unit_ports(dut, name)
    await ports.begin()
    half = 1 << config.accumulator_width - 1
    largest = (1 << config.operand_width) - 1
    value = overflows = 0
    for run in range(_RUNS):
        subtracting = (0.5, 0.0, 1.0)[run % 3]
        for step in range(_STEPS):
            x = [
                random.choice((0, largest, random.randint(0, largest))) for _ in range(config.terms)
            ]
            factor = [random_factor(config) for _ in x]
            negative = [not config.unsigned and random.random() < subtracting for _ in x]
            turn = config.unsigned and random.random() < subtracting
            clear = int(step == 0 or random.random() < 0.01)
            enable = int(step == 0 or random.random() < 0.9)
            signs = sum(int(bit) << place for place, bit in enumerate(negative))
            scale = int(config.linear and random.random() < 0.1)
            if config.linear:
                ports.drive(scale=scale)
            ports.drive(**{"turn": int(turn)} if config.unsigned else {"negative": signs})
            ports.drive(x=x, factor=factor, clear=clear, enable=enable)
            await ports.tick()
            if enable:
                total = 0 if clear else value * (config.largest_weight + 1 if scale else 1)
                total = -total if turn else total
                for operand, number, minus in zip(x, factor, negative, strict=True):
                    total += operand * multiple(config, number, int(minus))
                value = (total + half) % (2 * half) - half
                overflows += value != total
            assert ports.read("value") == value, f"run {run}, step {step}"
    assert overflows > 0
