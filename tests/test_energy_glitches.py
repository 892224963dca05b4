"""Where windows lie, and what they say of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pann_hw.energy.glitches import glitches, spread_windows


def test_windows_are_in_the_middles_of_equal_parts() -> None:
    assert spread_windows(1000, 2, 60) == [(220, 60), (720, 60)]
    assert spread_windows(1000, 1, 1000) == [(0, 1000)]
    assert spread_windows(1000, 0, 60) == []


@pytest.mark.parametrize(("cycles", "windows", "length"), [(100, 8, 60), (5, 8, 60), (479, 8, 60)])
def test_windows_of_short_inferences_do_not_overlap(cycles: int, windows: int, length: int) -> None:
    spans = spread_windows(cycles, windows, length)
    ends = [start + long for start, long in spans]
    assert spans[0][0] >= 0
    assert ends[-1] <= cycles
    assert all(end <= start for end, (start, _) in zip(ends, spans[1:], strict=False))
    assert len({long for _, long in spans}) == 1
    assert spans[0][1] >= 1


def test_ratios_by_class() -> None:
    whole = {"a": 100.0, "b": 10.0, "still": 5.0}
    settled = [{"a": 1.0, "b": 2.0, "still": 0.0}, {"a": 3.0, "b": 2.0, "still": 0.0}]
    changed = [{"a": 2.0, "b": 2.0, "still": 0.0}, {"a": 4.0, "b": 4.0, "still": 0.0}]
    found = glitches(whole, settled, changed)
    assert found.factors == {"a": 1.5, "b": 1.5, "still": 1.0}
    # a: 25 (2 - 1.5), 25 (4 - 4.5); b: 2.5 (2 - 3), 2.5 (4 - 3).
    assert found.deviation == pytest.approx(math.sqrt(2 * (10**2 + 10**2)))


def test_few_windows() -> None:
    assert math.isnan(glitches({"a": 1.0}, [{"a": 1.0}], [{"a": 2.0}]).deviation)
    none = glitches({"a": 1.0}, [], [])
    assert none.factors == {"a": 1.0}


def test_the_deviation_is_what_samples_scatter_by(rng: np.random.Generator) -> None:
    """Many samples of 20 windows from one population."""
    x = rng.gamma(4, 1, 4000)
    y = x * (1.5 + rng.normal(0, 0.3, 4000))
    totals, deviations = [], []
    for sample in rng.choice(4000, (400, 20)):
        found = glitches(
            {"a": float(x.sum())},
            [{"a": float(value)} for value in x[sample]],
            [{"a": float(value)} for value in y[sample]],
        )
        totals.append(x.sum() * found.factors["a"])
        deviations.append(found.deviation)
    assert np.mean(totals) == pytest.approx(y.sum(), rel=0.02)
    assert np.mean(deviations) == pytest.approx(np.std(totals), rel=0.15)
