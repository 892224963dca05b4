"""The window sequencer: the compiler's order of windows, by additions only."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("window_sequencer", seed)
