"""Statistics of words: against loops over the words, and rates of bits there and back."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from pann_hw.power.statistics import WordStatistics, check_words, word_flips, word_range


def sticky(
    rng: np.random.Generator, low: int, high: int, shape: tuple[int, int] = (7, 30)
) -> np.ndarray:
    """Words that often stay what they were, and are not all equally frequent."""
    words = rng.integers(low, high + 1, shape) * rng.integers(0, 2, shape)
    for column in range(1, shape[1]):
        stays = rng.random(shape[0]) < 0.4
        words[stays, column] = words[stays, column - 1]
    return words


@pytest.mark.parametrize(("width", "signed"), [(2, True), (4, True), (4, False), (12, True)])
def test_shares_of_words_and_pairs(width: int, signed: bool, rng: np.random.Generator) -> None:
    words = sticky(rng, *word_range(width, signed=signed))
    statistics = WordStatistics.of(words, width, signed=signed)
    rows = words.tolist()
    assert statistics.length == 30
    assert statistics.width == width
    assert statistics.values.tolist() == sorted({word for row in rows for word in row})
    for found, listed in [
        (statistics.frequency, [word for row in rows for word in row]),
        (statistics.first, [row[0] for row in rows]),
        (statistics.last, [row[-1] for row in rows]),
    ]:
        counts = Counter(listed)
        expected = [counts[word] / len(listed) for word in statistics.values.tolist()]
        assert found.tolist() == pytest.approx(expected)
    for apart in range(1, 9):
        counts_of_pairs = Counter(
            pair for row in rows for pair in zip(row, row[apart:], strict=False)
        )
        total = sum(counts_of_pairs.values())
        values = statistics.values.tolist()
        table = [[counts_of_pairs[one, other] / total for other in values] for one in values]
        assert statistics.apart[apart - 1] == pytest.approx(np.array(table))
        if apart == 1:
            assert statistics.joint == pytest.approx(np.array(table))


@pytest.mark.parametrize(("width", "signed"), [(3, True), (6, False), (16, True)])
def test_rates_of_bits(width: int, signed: bool, rng: np.random.Generator) -> None:
    words = sticky(rng, *word_range(width, signed=signed))
    statistics = WordStatistics.of(words, width, signed=signed)
    paced = np.append(np.pad(words, ((0, 0), (1, 0))).ravel(), 0)
    for bit in range(width):
        bits = [[word >> bit & 1 for word in row] for row in words.tolist()]
        changes = [a != b for row in bits for a, b in pairwise(row)]
        assert statistics.ones[bit] == pytest.approx(np.mean(bits))
        assert statistics.toggles[bit] == pytest.approx(np.mean(changes))
        flips = np.count_nonzero(np.diff(paced >> bit & 1))
        assert statistics.paced_toggles[bit] == pytest.approx(flips / words.size)
    assert word_flips(statistics, statistics.joint) == pytest.approx(statistics.toggles.sum())


def test_single_words_follow_each_other_independently(rng: np.random.Generator) -> None:
    words = sticky(rng, 0, 3, (40, 1))
    statistics = WordStatistics.of(words, 2)
    assert statistics.pairs is None
    assert statistics.joint == pytest.approx(np.outer(statistics.frequency, statistics.frequency))
    assert statistics.toggles.tolist() == [0, 0]
    paced = np.append(np.pad(words, ((0, 0), (1, 0))).ravel(), 0)
    flips = [np.count_nonzero(np.diff(paced >> bit & 1)) / 40 for bit in range(2)]
    assert statistics.paced_toggles.tolist() == pytest.approx(flips)


def test_too_many_distinct_words_have_no_pairs(rng: np.random.Generator) -> None:
    words = rng.permutation(2048).reshape(2, 1024)
    statistics = WordStatistics.of(words, 11)
    assert statistics.pairs is None
    assert len(statistics.values) == 2048
    with pytest.raises(ValueError, match="2048 distinct values: pairs of at most 1024"):
        _ = statistics.joint


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint64", "int64"])
def test_any_integers(kind: str, rng: np.random.Generator) -> None:
    words = sticky(rng, 0, 127)
    assert WordStatistics.of(words.astype(kind), 8) == WordStatistics.of(words, 8)
    checked = check_words(words.astype(kind), 8, signed=True, what="x")
    assert checked.dtype == np.int64
    assert (checked == words).all()


def test_equal_statistics_are_equal(rng: np.random.Generator) -> None:
    words = sticky(rng, 0, 15)
    one, other = WordStatistics.of(words, 4), WordStatistics.of(words[::-1], 4)
    assert one == other
    assert hash(one) == hash(other)
    assert one != WordStatistics.of(words[:, ::-1], 4)
    assert one != WordStatistics.of(words, 5)


def joint_of_bits(statistics: WordStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Rates of ones and of changes of each bit, from the pairs of words."""
    bits = statistics.values[:, None] >> np.arange(statistics.width) & 1
    changed = bits[:, None] ^ bits
    return statistics.frequency @ bits, np.einsum("vw,vwb->b", statistics.joint, changed)


@pytest.mark.parametrize("signed", [False, True])
def test_rates_come_back(signed: bool, rng: np.random.Generator) -> None:
    ones = rng.random(5)
    toggles = 2 * np.minimum(ones, 1 - ones) * rng.random(5)
    statistics = WordStatistics.from_bits(ones.tolist(), toggles.tolist(), 9, signed=signed)
    low, high = word_range(5, signed=signed)
    assert statistics.values.tolist() == list(range(low, high + 1))
    assert statistics.length == 9
    found_ones, found_toggles = joint_of_bits(statistics)
    assert found_ones == pytest.approx(ones)
    assert found_toggles == pytest.approx(toggles)
    assert statistics.joint.sum() == pytest.approx(1)
    assert statistics.joint.min() >= 0
    # A chain at rest: words are as frequent before as after.
    assert statistics.joint.sum(0) == pytest.approx(statistics.joint.sum(1))


def test_bits_are_independent_chains() -> None:
    """The joint distribution of two bits, written out."""
    ones, toggles = (0.3, 0.6), (0.2, 0.5)
    statistics = WordStatistics.from_bits(ones, toggles, 4)
    chains = [
        {(0, 0): 1 - one - t / 2, (0, 1): t / 2, (1, 0): t / 2, (1, 1): one - t / 2}
        for one, t in zip(ones, toggles, strict=True)
    ]
    for before in range(4):
        for after in range(4):
            expected = chains[0][before & 1, after & 1] * chains[1][before >> 1, after >> 1]
            assert statistics.joint[before, after] == pytest.approx(expected)


@pytest.mark.parametrize("signed", [False, True])
def test_what_independent_bits_leave(signed: bool, rng: np.random.Generator) -> None:
    words = sticky(rng, *word_range(5, signed=signed), (300, 40))
    measured = WordStatistics.of(words, 5, signed=signed)
    independent = measured.independent_bits(signed=signed)
    assert independent.ones == pytest.approx(measured.ones)
    assert independent.toggles == pytest.approx(measured.toggles)
    # Half of the words are 0, which bits on their own do not tell.
    zero = [statistics.values.tolist().index(0) for statistics in (measured, independent)]
    assert measured.frequency[zero[0]] > 0.45
    assert independent.frequency[zero[1]] < 0.35


def test_bits_that_change_as_often_as_they_can() -> None:
    """Alternating words, of which the ends make bits seem to change more often than they can."""
    words = np.array([[0, 3, 0, 3, 0]])
    measured = WordStatistics.of(words, 2)
    assert measured.toggles.tolist() == [1, 1]
    independent = measured.independent_bits()
    assert independent.toggles == pytest.approx([0.8, 0.8])
    assert independent.joint.min() >= 0


EMPTY = r"x of shape \(0, 4\): must be \(sequences, length\), at least \(1, 1\)"


@pytest.mark.parametrize(
    ("words", "signed", "message"),
    [
        (np.zeros((0, 4), int), False, EMPTY),
        (np.zeros((4, 0), int), False, r"x of shape \(4, 0\): must be"),
        (np.zeros(4, int), False, r"x of shape \(4,\): must be"),
        (np.array(3), False, r"x of shape \(\): must be"),
        (np.array([[1, 16]]), False, r"x has the value 16, 4 bits hold 0\.\.15"),
        (np.array([[1, -1]]), False, r"x has the value -1, 4 bits hold 0\.\.15"),
        (np.array([[1, 8]]), True, r"x has the value 8, 4 bits hold -8\.\.7"),
        (np.array([[1, -9]]), True, r"x has the value -9, 4 bits hold -8\.\.7"),
        (np.array([[2**63]], np.uint64), True, r"x has the value 9223372036854775808, 4 bits"),
        (
            np.array([[1.0, 2.0]]),
            False,
            r"x is float64, begins with 1\.0: must be integers 0\.\.15",
        ),
        (np.array([[np.nan, 2]]), True, r"x is float64, begins with nan: must be integers -8\.\.7"),
        (
            np.array([[True, False]]),
            False,
            r"x is bool, begins with True: must be integers 0\.\.15",
        ),
        (np.array([["1", "2"]]), False, r"x is <U1, begins with 1: must be integers 0\.\.15"),
        (np.full((3, 4), 5), False, r"x is constant at 5: must have two or more .* in 0\.\.15"),
    ],
)
def test_bad_words_are_refused(words: np.ndarray, signed: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordStatistics.of(words, 4, signed=signed, what="x")


@pytest.mark.parametrize(
    ("ones", "toggles", "length", "message"),
    [
        ([], [], 4, r"0 and 0 rates: must be 1\.\.10 of both"),
        ([0.5] * 11, [0.5] * 11, 4, r"11 and 11 rates: must be 1\.\.10 of both"),
        ([0.5, 0.5], [0.5], 4, r"2 and 1 rates: must be 1\.\.10 of both"),
        ([0.5, 1.5], [0.5, 0.0], 4, r"bit 1 is 1 at a rate of 1\.5"),
        ([-0.1], [0.0], 4, r"bit 0 is 1 at a rate of -0\.1"),
        ([0.25], [0.6], 4, r"toggles at 0\.6: .* the second 0\.\.0\.5 then"),
        ([0.25], [-0.1], 4, r"toggles at -0\.1"),
        ([float("nan")], [0.1], 4, r"bit 0 is 1 at a rate of nan"),
        ([0.5], [float("nan")], 4, r"toggles at nan"),
        ([0.5], [0.5], 0, r"length = 0: must be 1 or more"),
    ],
)
def test_bad_rates_are_refused(
    ones: list[float], toggles: list[float], length: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        WordStatistics.from_bits(ones, toggles, length)
