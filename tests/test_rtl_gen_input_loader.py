"""The input loader: rows of any width into memory words."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.input_loader", seed=seed % 2**31)
