"""The program loader: good streams, every error, and the way back from it."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("program_loader", seed)
