"""Cores in Amaranth's simulator: every variant's lanes come to the sums of their tiles."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from amaranth import Value
from amaranth.sim import Simulator

from benchmarks.lanes_core import LaneCore, Structure, latency
from benchmarks.lanes_run import check_sums
from benchmarks.lanes_stimulus import stimulate
from benchmarks.lanes_variants import VARIANTS
from tests.lane_tiles import narrow, random_tile, sums_fit


@pytest.mark.parametrize("name", VARIANTS)
def test_sums_of_every_variant(name: str, rng: np.random.Generator) -> None:
    variant = narrow(VARIANTS[name])
    tiles = [random_tile(variant.config, rng) for _ in range(2)]
    config = variant.sized(max(map(sums_fit, tiles)))
    core = LaneCore(config, variant.structure, lambda: variant.lane(config))
    schedules = [variant.schedule(tile) for tile in tiles]
    stimulus = stimulate(tiles, schedules, config, variant.structure, variant.windows)
    values = []

    def numbers(name: str) -> list[int]:
        return [int("".join(map(str, row[::-1])), 2) for row in stimulus.ports[name]]

    ports = {name: (Value.cast(getattr(core, name)), numbers(name)) for name in stimulus.ports}

    async def bench(context) -> None:  # type: ignore[no-untyped-def]
        # Ports change after a clock edge, as flip-flops that drive them do.
        for cycle in range(len(stimulus.ports["enable"])):
            await context.tick()
            for signal, each in ports.values():
                if not cycle or each[cycle] != each[cycle - 1]:
                    context.set(signal, each[cycle])
            if cycle + 1 in stimulus.ends:
                value = context.get(core.value)
                values.append([value >> bit & 1 for bit in range(len(core.value))])

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator.run()
    check_sums(variant, config, tiles, np.array(values, np.uint8))


def test_a_register_takes_a_cycle() -> None:
    assert (latency(Structure(4)), latency(Structure(4, registers=True))) == (2, 3)
