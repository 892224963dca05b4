"""A core against the sum that its docstring states."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.units import CONFIG, ONE_RAIL, unit_ports

__all__ = ["sums"]


@bench_test
@cocotb.parametrize(name=["core", "core_one_rail"])
async def sums(dut: Any, name: str) -> None:
    """Random rows, terms and lanes in use; idle rails see 0, lanes beyond the width keep still."""
    config = CONFIG if name == "core" else ONE_RAIL
    ports = unit_ports(dut, name)
    await ports.begin()
    accumulators = [0] * config.lanes
    lane_on = 0
    for step in range(1200):
        load = int(step % 100 == 0)
        bias = random.randrange(-5000, 5000)
        if load:
            lane_on = random.choice(((1 << config.lanes) - 1, random.getrandbits(config.lanes)))
        rows = [
            [random.randrange(256) for _ in range(config.row_width)]
            for _ in range(config.window_slots)
        ]
        control = [
            {
                "active": int(random.random() < 0.7 and not load),
                "slot": random.randrange(config.window_slots),
                "offset": random.randrange(3),
                "shift": random.randint(0, config.shift),
                "subtract": random.getrandbits(1),
            }
            for _ in range(config.rails)
        ]
        ports.drive(load=load, bias=bias, lane_on=lane_on, rows=rows, control=control)
        await ports.tick()
        for lane in range(config.lanes):
            if load:
                accumulators[lane] = bias
            elif lane_on >> lane & 1:
                for rail, term in enumerate(control):
                    operand = rows[term["slot"]][lane + term["offset"]] << term["shift"]
                    negative = rail == 1 or (config.rails == 1 and term["subtract"])
                    accumulators[lane] += term["active"] * (-operand if negative else operand)
        assert list(ports.record("sums")) == accumulators, f"step {step}"
