"""The write port: elements, words, and halves of words."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("store_port", seed)
