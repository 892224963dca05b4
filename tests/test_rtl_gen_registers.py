"""The register block: every register, and every wrong use."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.registers", seed=seed % 2**31)
