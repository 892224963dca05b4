"""Carries into an accumulator's upper bits: against all low bits, and against sampled ones."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.carry import carry_flips


def all_low_bits(words: np.ndarray, joint: np.ndarray, low_bits: int, width: int) -> float:
    """Mean over every low part, one pair of addends after another."""
    total, size = 0.0, 2**low_bits
    for i, first in enumerate(words.tolist()):
        for j, second in enumerate(words.tolist()):
            for low in range(size):
                step = (low + first) >> low_bits
                following = ((low + first) % size + second) >> low_bits
                flips = ((step ^ following) & (2**width - 1)).bit_count()
                total += float(joint[i, j]) * flips / size
    return total


@pytest.mark.parametrize("low_bits", [0, 1, 3, 5, 6])
@pytest.mark.parametrize("reach", [(0, 30), (-30, 30)], ids=["one rail", "two rails"])
def test_mean_over_all_low_bits(
    reach: tuple[int, int], low_bits: int, rng: np.random.Generator
) -> None:
    words, joint = rng.integers(*reach, 15), rng.random((15, 15))
    expected = all_low_bits(words, joint, low_bits, 9)
    assert carry_flips(words, joint, low_bits, 9) == pytest.approx(expected)


@pytest.mark.parametrize("two_rails", [False, True])
def test_sampled_additions(two_rails: bool, rng: np.random.Generator) -> None:
    """Steps of an adder whose addends follow each other by the table."""
    words = np.arange(-12 if two_rails else 0, 13)
    joint = rng.random((len(words), len(words))) ** 4
    joint = (joint + joint.T) / (2 * joint.sum())
    reached = np.cumsum(joint, 1) / joint.sum(1, keepdims=True)
    state, low, steps = 0, 0, []
    for chance in rng.random(200_000):
        state = int(np.searchsorted(reached[state], chance))
        steps.append((low + int(words[state])) >> 4)
        low = (low + int(words[state])) % 16
    run = np.array(steps)
    flips = np.bitwise_count((run[1:] ^ run[:-1]) & (2**20 - 1)).mean()
    assert carry_flips(words, joint, 4, 20) == pytest.approx(flips, rel=0.02)


def test_words_between_whole_numbers() -> None:
    """Half a unit stands for what is halfway between its neighbours."""
    joint = np.ones((1, 1))
    found = [carry_flips(np.array([word]), joint, 4, 8) for word in (2.0, 2.5, 3.0)]
    assert found[1] == pytest.approx((found[0] + found[2]) / 2)


def test_no_carries_of_small_words() -> None:
    """At low bits far above the words a step is a rare carry, which flips a bit twice."""
    words, joint = np.array([0, 3]), np.diag([0.5, 0.5])
    for low_bits in (10, 30, 60):
        found = carry_flips(words, joint, low_bits, 3)
        assert found == pytest.approx(0.5 * 2 * 3 / 2**low_bits, rel=1e-3)
