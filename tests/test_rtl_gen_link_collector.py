"""Results: sums and cycles, a ring that is full."""

from __future__ import annotations

from sim.benches.run import run_link_unit


def test_bench(seed: int) -> None:
    run_link_unit("link_collector", seed)
