"""The program loader: good streams, every error, and the way back from it."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.program_loader", seed=seed % 2**31)
