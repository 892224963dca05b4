"""The drain: requantised words to memory, raw elements to a stream."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("drain", seed)
