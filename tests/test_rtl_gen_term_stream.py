"""The term stream: order, waiting for windows and for sums, repeats per tile, jumps."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("term_stream", seed)
