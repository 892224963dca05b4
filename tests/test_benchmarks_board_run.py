"""Networks on simulated boards, all images: slow; with few of them: tests of `pann-hw run`."""

from __future__ import annotations

import pytest

from benchmarks.board_run import measure
from benchmarks.clock import Clock


@pytest.mark.slow
def test_digits_at_three_operating_points() -> None:
    (case,) = measure("digits", [3_000_000], None, Clock())
    assert [point.images for point in case.points] == [360] * 3
    assert (case.inferences, case.mismatches, case.disturbed) == (1080, 0, 0)
    # The fewer flips, the fewer additions.
    cycles = [point.cycles for point in case.points]
    assert cycles == sorted(cycles, reverse=True)
    # At 12 MHz the link takes less time than the additions.
    assert case.link_share < 0.05


@pytest.mark.slow
def test_digits_on_icebreaker_at_three_operating_points() -> None:
    (case,) = measure("icebreaker", [3_000_000], None, Clock())
    assert [point.images for point in case.points] == [360] * 3
    assert (case.inferences, case.mismatches, case.disturbed) == (1080, 0, 0)
    assert case.clock == 18_000_000
    # Each element of the input is a byte on the line: computing takes less.
    assert case.link_share > 0.5


@pytest.mark.slow
def test_perceptron_is_as_fast_as_the_link() -> None:
    (case,) = measure("perceptron", [1_000_000], None, Clock())
    assert (case.inferences, case.mismatches, case.disturbed) == (400, 0, 0)
    assert case.link_share > 0.9
    # 32 bytes of elements, an operation's two and a start's two, and what frames need.
    assert 36 < case.sent < 40
    assert case.bound < case.cycles
