"""Row reader and row buffer: any position, padding, stride and pause."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("row_reader", seed)
