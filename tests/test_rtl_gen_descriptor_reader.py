"""The descriptor reader: every record of every pass, ahead of the units that take them."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("descriptor_reader", seed)
