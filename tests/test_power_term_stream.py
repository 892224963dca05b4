"""Weights as streams of terms: against a loop over every term of every weight."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.integer.terms import encode
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_stream import rail_statistics, rail_stream, surplus

SHIFTS = (0, 1, 3, 7)


def weights(rng: np.random.Generator, shape: tuple[int, int], deviation: float = 4) -> np.ndarray:
    return np.rint(rng.normal(0, deviation, shape)).astype(np.int64)


def slow_shifts(weight: int, sign: int, max_shift: int) -> list[int]:
    return [shift for digit, shift in encode(weight, max_shift) if digit == sign]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("max_shift", SHIFTS)
def test_stream_is_that_of_a_loop(max_shift: int, sign: int, rng: np.random.Generator) -> None:
    x, w = rng.integers(0, 16, (7, 11)), weights(rng, (7, 11))
    words, shifts, counts = rail_stream(x, w, sign, max_shift)
    expected, lengths = [], []
    for row_x, row_w in zip(x.tolist(), w.tolist(), strict=True):
        terms = [
            (operand, shift)
            for operand, weight in zip(row_x, row_w, strict=True)
            for shift in slow_shifts(weight, sign, max_shift)
        ]
        expected += terms
        lengths.append(len(terms))
    assert list(zip(words.tolist(), shifts.tolist(), strict=True)) == expected
    assert counts.tolist() == lengths


@pytest.mark.parametrize("max_shift", SHIFTS)
def test_both_rails_make_the_product(max_shift: int, rng: np.random.Generator) -> None:
    x, w = rng.integers(0, 256, (5, 30)), weights(rng, (5, 30), 20)
    total = np.zeros(5, np.int64)
    for sign in (1, -1):
        words, shifts, counts = rail_stream(x, w, sign, max_shift)
        np.add.at(total, np.repeat(np.arange(5), counts), sign * (words << shifts))
    assert total.tolist() == (x * w).sum(1).tolist()


def test_rail_without_terms() -> None:
    words, shifts, counts = rail_stream(np.array([[3, 1]]), np.array([[2, 0]]), -1, 0)
    assert (len(words), len(shifts), counts.tolist()) == (0, 0, [0])
    assert rail_statistics(WordStatistics.of(np.array([[2, 0]]), 3), -1, 0).used == 0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("max_shift", SHIFTS)
def test_statistics_are_counts(max_shift: int, sign: int, rng: np.random.Generator) -> None:
    """Of a stream of weights in any order: every figure is a count, divided."""
    w = weights(rng, (1, 3000))
    rail = rail_statistics(WordStatistics.of(w, 8, signed=True), sign, max_shift)
    terms = [slow_shifts(weight, sign, max_shift) for weight in w[0].tolist()]
    used = [shifts for shifts in terms if shifts]
    size = range(max_shift + 1)
    assert rail.used == pytest.approx(len(used) / 3000)
    assert rail.terms == pytest.approx(sum(map(len, terms)) / 3000)
    first = [sum(shifts[0] == s for shifts in used) / len(used) for s in size]
    last = [sum(shifts[-1] == s for shifts in used) / len(used) for s in size]
    inside = [
        [
            sum(pair == (s, t) for shifts in used for pair in itertools.pairwise(shifts))
            for t in size
        ]
        for s in size
    ]
    np.testing.assert_allclose(rail.first, first)
    np.testing.assert_allclose(rail.last, last)
    np.testing.assert_allclose(rail.inside, np.array(inside) / 3000, atol=1e-12)
    flat = list(itertools.chain.from_iterable(used))
    np.testing.assert_allclose(rail.shifts, [flat.count(s) / 3000 for s in size], atol=1e-12)
    assert rail.shifts.sum() == pytest.approx(rail.terms)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_presence_in_a_sequence(length: int, rng: np.random.Generator) -> None:
    w = weights(rng, (20000, length), 0.5)
    rail = rail_statistics(WordStatistics.of(w, 8, signed=True), 1, 0)
    assert rail.present(length) == pytest.approx((w > 0).any(1).mean(), abs=0.015)


@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("mean", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("length", [9, 64])
def test_surplus_of_one_sign(
    length: int, mean: float, max_shift: int, rng: np.random.Generator
) -> None:
    w = np.rint(rng.normal(mean, 3, (8000, length))).astype(np.int64)
    counts = [rail_stream(w, w, sign, max_shift)[2] for sign in (1, -1)]
    more = counts[0] - counts[1]
    found, chances = surplus(WordStatistics.of(w, 8, signed=True), max_shift, length)
    expected = [np.maximum(side, 0).mean() / length for side in (more, -more)]
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.005)
    np.testing.assert_allclose(chances, [(more > 0).mean(), (more < 0).mean()], atol=0.02)


def test_surplus_that_is_the_same_in_every_sequence() -> None:
    """All weights have one term more of the first sign, so that nothing varies."""
    w = WordStatistics.of(np.array([[1, 7]]), 8, signed=True)
    assert encode(7, 3) == ((-1, 0), (1, 3))
    found, chances = surplus(WordStatistics.of(np.array([[1, 2]]), 8, signed=True), 1, 10)
    assert found == pytest.approx((1, 0))
    assert chances == pytest.approx((1, 0))
    assert surplus(w, 3, 10)[0] != pytest.approx((1, 0))
