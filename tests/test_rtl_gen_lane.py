"""Lanes: each kind against integers, modulo the accumulator's width."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("lane", seed)
