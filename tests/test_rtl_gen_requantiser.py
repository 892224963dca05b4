"""The requantiser: every kind of scale, against the integer network's own."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.requantiser", seed=seed % 2**31)
