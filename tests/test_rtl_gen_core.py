"""A core: operands by slot, offset and shift, summed on every lane in use."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.core", seed=seed % 2**31)
