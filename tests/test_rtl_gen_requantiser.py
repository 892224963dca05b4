"""The requantiser: every kind of scale, against the integer network's own."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("requantiser", seed)
