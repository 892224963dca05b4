"""Frames from the line: right ones, and all that is none."""

from __future__ import annotations

from sim.benches.run import run_link_unit


def test_bench(seed: int) -> None:
    run_link_unit("link_frame_receiver", seed)
