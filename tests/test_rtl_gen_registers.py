"""The register block: every register, and every wrong use."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("registers", seed)
