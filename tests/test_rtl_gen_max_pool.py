"""The max pooling unit: maxima under any windows, with rows that come late."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.max_pool", seed=seed % 2**31)
