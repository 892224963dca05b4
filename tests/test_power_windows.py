"""Which word follows which in a pooling's windows."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.statistics import WordStatistics
from pann_hw.power.windows import check_windows, follow, pair_statistics


def test_pairs_are_counted(rng: np.random.Generator) -> None:
    before, after = rng.integers(0, 8, (2, 5, 40))
    statistics = pair_statistics(3, some=(before, after))["some"]
    expected = np.zeros((8, 8))
    for a, b in zip(before.ravel(), after.ravel(), strict=True):
        expected[a, b] += 1 / before.size
    values = statistics.values
    np.testing.assert_allclose(statistics.joint, expected[np.ix_(values, values)])
    assert statistics.toggles.sum() == pytest.approx(np.bitwise_count(before ^ after).mean())


def test_no_pairs_and_pairs_of_one_word_are_left_out() -> None:
    none = np.zeros(0, np.int64)
    ones, twos = np.ones((2, 3), np.int64), np.full((2, 3), 2)
    found = pair_statistics(4, none=(none, none), same=(ones, ones), other=(ones, twos))
    assert list(found) == ["other"]


def test_follow() -> None:
    pairs = WordStatistics.of(np.array([[1, 3], [1, 3], [1, 1], [3, 5]]), 3)
    rows = follow(pairs, np.array([0, 1, 3, 5]), np.array([0.4, 0.3, 0.2, 0.1]))
    np.testing.assert_allclose(rows.sum(1), 1)
    np.testing.assert_allclose(rows[1], [0, 1 / 3, 2 / 3, 0], atol=1e-8)
    np.testing.assert_allclose(rows[2], [0, 0, 0, 1], atol=1e-8)
    for unknown in (rows[0], rows[3], *follow(None, pairs.values, np.array([0.5, 0.3, 0.2]))):
        assert unknown[0] > 0
    np.testing.assert_allclose(rows[0], [0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("shape", [(3, 4), (12,), (3, 1, 9), (0, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(windows, 9\)"):
        check_windows(np.zeros(shape, np.int64), 9)
