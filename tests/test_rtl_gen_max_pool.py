"""The max pooling unit: maxima under any windows, with rows that come late."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("max_pool", seed)
