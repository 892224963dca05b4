"""The drain: requantised words to memory, raw elements to a stream."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.drain", seed=seed % 2**31)
