"""The sequencer: operating points of a random directory, in order and in time."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("sequencer", seed)
