"""The input loader: rows of any width into memory words."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("input_loader", seed)
