"""Carries into an accumulator's upper bits: against all low bits, and against real sums."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.carry import Steps, fitted, step_pairs
from pann_hw.power.staged_walk import Stage, staged_walk


def all_low_bits(
    words: np.ndarray, joint: np.ndarray, low_bits: int
) -> dict[tuple[int, int], float]:
    """Successive steps with every low part, one pair of addends after another."""
    found: dict[tuple[int, int], float] = {}
    size = 2**low_bits
    for i, first in enumerate(words.tolist()):
        for j, second in enumerate(words.tolist()):
            for low in range(size):
                steps = (low + first) >> low_bits, ((low + first) % size + second) >> low_bits
                found[steps] = found.get(steps, 0) + float(joint[i, j]) / size
    return found


@pytest.mark.parametrize("low_bits", [0, 1, 3, 5, 6])
@pytest.mark.parametrize("reach", [(0, 30), (-30, 30)], ids=["one rail", "two rails"])
def test_pairs_are_those_of_all_low_bits(
    reach: tuple[int, int], low_bits: int, rng: np.random.Generator
) -> None:
    words, joint = rng.integers(*reach, 15), rng.random((15, 15))
    lowest, pairs = step_pairs(words, joint, low_bits)
    expected = np.zeros_like(pairs)
    for (first, second), share in all_low_bits(words, joint, low_bits).items():
        expected[first - lowest, second - lowest] = share
    np.testing.assert_allclose(pairs, expected, atol=1e-12)


def test_words_between_whole_numbers() -> None:
    """Half a unit stands for what is halfway between its neighbours."""
    joint = np.ones((1, 1))
    pairs = [step_pairs(np.array([word]), joint, 4)[1] for word in (2.0, 2.5, 3.0)]
    np.testing.assert_allclose(pairs[1].sum(1), (pairs[0] + pairs[2]).sum(1) / 2)


def test_low_bits_far_above_the_words() -> None:
    for low_bits in (10, 30, 60):
        lowest, pairs = step_pairs(np.array([0, 3]), np.diag([0.5, 0.5]), low_bits)
        assert (lowest, pairs.shape) == (0, (2, 2))
        assert pairs[0, 1] == pytest.approx(0.5 * 3 / 2**low_bits, rel=1e-3)


@pytest.mark.parametrize("low_bits", [2, 4, 7])
@pytest.mark.parametrize("two_rails", [False, True])
def test_steps_of_sums(two_rails: bool, low_bits: int, rng: np.random.Generator) -> None:
    """Flips of the steps of many short sums, which begin at 0 and hardly leave it."""
    length = 12
    d = rng.integers(-9 if two_rails else 0, 10, (30_000, length))
    sums = np.pad(np.cumsum(d, 1), ((0, 0), (1, 0))) >> low_bits
    steps = (sums[:, 1:] - sums[:, :-1]) & (2**20 - 1)
    inside = np.bitwise_count(steps[:, 1:] ^ steps[:, :-1]).mean()
    ends = np.bitwise_count(steps[:, 0]).mean() + np.bitwise_count(steps[:, -1]).mean()
    values = np.unique(d)
    share = np.full(len(values), 1 / len(values))
    walked = staged_walk(Stage(values, share, length), [], 20, low_bits)
    found = Steps(walked, values >> low_bits, share)
    found.add(*step_pairs(values, np.outer(share, share), low_bits), 1.0, 1.0)
    assert found.inside(20) == pytest.approx(inside, rel=0.12)
    # The last has been told to be one of uniform low bits.
    if low_bits == 2:
        assert found.inside(20) == pytest.approx(inside, rel=0.02)
        assert found.ends(20) == pytest.approx(ends, rel=0.02)


def test_single_steps_have_no_successor() -> None:
    values, share = np.array([-1, 4]), np.array([0.25, 0.75])
    walked = staged_walk(Stage(values, share, 1), [], 8, 2)
    steps = Steps(walked, values >> 2, share)
    steps.add(*step_pairs(values, np.zeros((2, 2)), 2), 1.0, 1.0)
    assert steps.inside(6) == 0
    assert steps.ends(6) == pytest.approx(0.25 * 6 + 0.75)


def test_fitted_table_has_the_margins(rng: np.random.Generator) -> None:
    joint = rng.random((9, 9)) + 0.3
    before, after = (share / share.sum() for share in rng.random((2, 9)) + 0.5)
    result = fitted(joint / joint.sum(), before, after)
    np.testing.assert_allclose(result.sum(1), before, rtol=1e-3)
    np.testing.assert_allclose(result.sum(0), after, rtol=1e-3)
    # Rows and columns are scaled, so that the odds stay.
    odds = [t[0, 0] * t[5, 7] / (t[0, 7] * t[5, 0]) for t in (joint, result)]
    assert odds[0] == pytest.approx(odds[1])


def test_fitted_table_leaves_what_never_is(rng: np.random.Generator) -> None:
    joint = rng.random((5, 5))
    joint[2], joint[:, 2] = 0, 0
    shares = np.array([0.2, 0.3, 0.0, 0.4, 0.1])
    result = fitted(joint, shares, shares)
    assert not result[2].any()
    assert not result[:, 2].any()
    np.testing.assert_allclose(result.sum(0), shares, rtol=1e-2)
    assert not fitted(np.zeros((3, 3)), np.full(3, 1 / 3), np.full(3, 1 / 3)).any()
