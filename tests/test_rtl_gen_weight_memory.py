"""The weight memory: columns of whole words of the program stream."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("weight_memory", seed)
