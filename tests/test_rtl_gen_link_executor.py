"""Operations: writes, words and beats, held up at random."""

from __future__ import annotations

from sim.benches.run import run_link_unit


def test_bench(seed: int) -> None:
    run_link_unit("link_executor", seed)
