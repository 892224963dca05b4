"""The UART: both ends, and divisors that it cannot have."""

from __future__ import annotations

from sim.benches.run import run_link_unit


def test_bench(seed: int) -> None:
    run_link_unit("link_uart", seed)
