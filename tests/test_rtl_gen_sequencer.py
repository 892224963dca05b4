"""The sequencer: passes and tiles of random descriptors, in order and in time."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.sequencer", seed=seed % 2**31)
