"""Words and their successors: the correlated normal variables against known results and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pann_hw.power.statistics import WordStatistics, word_flips
from pann_hw.power.succession import Succession, continued_pairs, continued_toggles


def _autoregressive(
    rng: np.random.Generator, rho: float, scale: float, shape: tuple[int, int]
) -> np.ndarray:
    """Rounded normal words whose successive ones have the correlation ``rho``."""
    noise = rng.standard_normal(shape)
    z = noise.copy()
    for column in range(1, shape[1]):
        z[:, column] = rho * z[:, column - 1] + math.sqrt(1 - rho**2) * noise[:, column]
    return np.floor(z * scale + 0.5).astype(np.int64)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.5, 0.9])
def test_correlation_of_normal_words_is_found(rng: np.random.Generator, rho: float) -> None:
    words = _autoregressive(rng, rho, 400, (256, 128))
    succession = Succession(WordStatistics.of(words, 16, signed=True))
    assert succession.correlation == pytest.approx(rho, abs=0.03)


def test_signs_of_normal_words_differ_at_the_known_rate(rng: np.random.Generator) -> None:
    """Two normal variables of correlation rho have different signs at a rate of acos(rho) / pi."""
    words = _autoregressive(rng, 0.7, 3000, (128, 64))
    succession = Succession(WordStatistics.of(words, 20, signed=True))
    negative = (np.unique(words) < 0).astype(np.int64)
    expected = math.acos(succession.correlation) / math.pi
    assert succession.flips(negative, negative, 1) == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
@pytest.mark.parametrize("rho", [-0.4, 0.8])
def test_flips_between_functions_of_words(
    rng: np.random.Generator, scale: float, rho: float
) -> None:
    """Sampled twin: two functions of a word, one before and one after the change."""
    words = _autoregressive(rng, rho, scale, (512, 64))
    values, index = np.unique(words, return_inverse=True)
    index = index.reshape(words.shape)
    before, after = values >> 2 & 0xFFFF, ~(values // 3) & 0xFFFF
    counted = np.bitwise_count(before[index[:, :-1]] ^ after[index[:, 1:]]).mean()
    statistics = WordStatistics.of(words, 14, signed=True)
    succession = Succession(statistics, use_pairs=False)
    assert succession.flips(before, after, 16) == pytest.approx(counted, rel=0.01)


def test_two_words_are_as_good_as_pairs(rng: np.random.Generator) -> None:
    """One correlation tells everything about two successive words that have two values."""
    words = np.cumsum(rng.random((64, 64)) < 0.2, axis=1) % 2 * 5 - 3
    statistics = WordStatistics.of(words, 4, signed=True)
    state = np.array([0, 1])
    flips = [Succession(statistics, use_pairs=use).flips(state, state, 1) for use in (True, False)]
    assert flips[0] == pytest.approx(flips[1], abs=0.005)
    assert flips[0] < 0.25


def test_pairs_count_exactly(rng: np.random.Generator) -> None:
    words = rng.integers(-4, 4, (1, 5000))
    statistics = WordStatistics.of(words, 3, signed=True)
    table = rng.integers(0, 64, 8)
    states = table[words[0] + 4]
    flips = Succession(statistics).flips(table, table, 6)
    # The stream goes on at its own beginning; that is the one change that sampling lacks.
    total = np.bitwise_count(states ^ np.roll(states, -1)).mean()
    assert flips == pytest.approx(total, abs=6 / 5000)


def test_sequences_follow_each_other_at_once() -> None:
    words = np.array([[0, 1, 1, 3], [0, 2, 1, 3]])
    statistics = WordStatistics.of(words, 2)
    stream = np.tile(words.ravel(), 2)[:9]
    toggles = (stream[1:] ^ stream[:-1])[:, None] >> np.arange(2) & 1
    np.testing.assert_allclose(continued_toggles(statistics), toggles.mean(0))
    pairs = continued_pairs(statistics)
    assert pairs.sum() == pytest.approx(1)
    assert word_flips(statistics, pairs) == pytest.approx(toggles.mean(0).sum())


def test_sequences_of_one_word_are_independent(rng: np.random.Generator) -> None:
    words = rng.integers(0, 2**12, (4000, 1))
    succession = Succession(WordStatistics.of(words, 12))
    assert succession.correlation == pytest.approx(0, abs=0.01)
