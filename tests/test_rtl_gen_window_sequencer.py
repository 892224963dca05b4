"""The window sequencer: the compiler's order of windows, by additions only."""

from __future__ import annotations

from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.window_sequencer", seed=seed % 2**31)
