"""The requantiser against the integer network's requantisation."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from pann_hw.integer.requantise import MAX_SHIFT, MAX_STEPS, Scale, requantise
from sim.benches.ports import bench_test
from sim.benches.units import CONFIG, WIDE, unit_ports

__all__ = ["random_scale", "scales"]


def random_scale() -> Scale:
    """Any scale: one of the compiler's, or arbitrary steps that make a positive factor."""
    if random.random() < 0.5:
        return Scale.nearest(2.0 ** random.uniform(-20, 0), random.randint(2, MAX_STEPS - 1))
    while True:
        steps = [
            (random.randint(-1, 1), random.choice((0, 1, 5, random.randint(0, MAX_SHIFT))))
            for _ in range(random.randint(1, MAX_STEPS))
        ]
        try:
            return Scale(tuple(steps))
        except ValueError:
            continue


def _sums(width: int) -> list[int]:
    extremes = (-(1 << width - 1), (1 << width - 1) - 1, -1, 0, 1)
    return [
        random.choice((random.choice(extremes), random.randint(-300, 300), _any(width)))
        for _ in range(CONFIG.lanes)
    ]


def _any(width: int) -> int:
    return random.randrange(-(1 << width - 1), 1 << width - 1)


def _wrapped(value: int, width: int) -> int:
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


@bench_test
@cocotb.parametrize(width=[CONFIG.accumulator_width, WIDE])
async def scales(dut: Any, width: int) -> None:
    """Random scales and clamps on random and extreme accumulators, results after the last step."""
    ports = unit_ports(dut, "requantiser_wide" if width == WIDE else "requantiser")
    await ports.begin()
    worst = Scale(((1, 0),) * MAX_STEPS)
    for trial in range(600):
        scale = worst if trial % 10 == 0 else random_scale()
        q_max = random.choice((1, 255, random.randint(1, 255)))
        sums, bias = _sums(width), random.choice((0, -1, _any(width)))
        totals = [_wrapped(one + bias, width) for one in sums]
        ports.drive(sums=sums, bias=bias, q_max=q_max, add=1, subtract=0)
        await ports.settle()
        assert list(ports.record("totals")) == totals
        await ports.tick()
        for index, (digit, shift) in enumerate(scale.steps):
            ports.drive(enable=1, first=int(index == 0), shift=shift)
            ports.drive(add=int(digit > 0), subtract=int(digit < 0))
            await ports.tick()
        ports.drive(enable=0)
        await ports.tick(random.randint(0, 1))
        await ports.settle()
        expected = requantise(np.array(totals), scale, q_max)
        assert list(ports.record("value")) == list(expected), f"{scale} of {totals}, q_max {q_max}"
        await ports.tick()
