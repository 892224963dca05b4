"""A core: operands by slot, offset and shift, summed on every lane in use, tile upon tile."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("core", seed)
