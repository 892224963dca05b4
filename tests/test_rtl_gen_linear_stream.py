"""The linear stream: activations bit by bit, zeros left out, and the bias before them."""

from __future__ import annotations

from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("linear_stream", seed)
