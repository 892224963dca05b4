"""A rail's words as a chain: against long sampled streams, and loops over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_chain import TermChain, bit_flips, term_chain
from pann_hw.power.term_stream import rail_statistics, rail_stream


def activations(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """2-bit activations: independent, or averages of their neighbours, which are alike."""
    noise = rng.random((shape[0], shape[1] + 3))
    if kind == "alike":
        noise = np.stack([noise[:, k : k + shape[1]] for k in range(4)]).mean(0) * 3 - 1
    words: np.ndarray = (noise[:, : shape[1]] * 4).astype(np.int64).clip(0, 3)
    return words


def measured(x: np.ndarray, w: np.ndarray, max_shift: int) -> tuple[TermChain, float]:
    statistics = WordStatistics.of(x, 2), WordStatistics.of(w, 8, signed=True)
    rail = rail_statistics(statistics[1], 1, max_shift)
    return term_chain(statistics[0], rail), rail.terms


def weights(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.rint(rng.normal(0, 2.5, shape)).astype(np.int64)


@pytest.mark.parametrize("length", [1, 3, 60])
@pytest.mark.parametrize("max_shift", [0, 2])
@pytest.mark.parametrize("kind", ["independent", "alike"])
def test_joint_is_how_often_terms_follow_each_other(
    kind: str, max_shift: int, length: int, rng: np.random.Generator
) -> None:
    shape = (240_000 // length, length)
    x, w = activations(kind, shape, rng), weights(shape, rng)
    chain, terms = measured(x, w, max_shift)
    words, shifts, counts = rail_stream(x, w, 1, max_shift)
    assert len(words) / w.size == pytest.approx(terms)
    size = max_shift + 1
    state = words * size + shifts
    ends = np.cumsum(counts)[counts > 0]
    starts = ends - counts[counts > 0]
    follows = np.ones(len(state), bool)
    follows[ends - 1] = False
    found = np.zeros((4 * size, 4 * size))
    np.add.at(found, (state[follows], state[np.flatnonzero(follows) + 1]), 1)
    here = chain.operands * size + chain.shifts
    found = found[np.ix_(here, here)] / found.sum()
    tolerance = 5 * (found.max() / follows.sum()) ** 0.5
    if length == 60 and kind == "alike":
        # What is as far apart as eight places is taken to be no more alike beyond them.
        tolerance += 0.002
    np.testing.assert_allclose(chain.joint, found, atol=tolerance)
    for share, at in (
        (chain.frequency, state),
        (chain.first, state[starts]),
        (chain.last, state[ends - 1]),
    ):
        expected = np.bincount(at, minlength=4 * size)[here] / len(at)
        np.testing.assert_allclose(share, expected, atol=5 * (0.5 / len(at)) ** 0.5)
        assert share.sum() == pytest.approx(1)
    assert chain.joint.sum() == pytest.approx(1)
    assert (chain.words == chain.operands << chain.shifts).all()


def test_shifts_that_never_occur_are_left_out(rng: np.random.Generator) -> None:
    x, w = activations("independent", (10, 10), rng), np.array([[1, 8, -1]])
    chain, _ = measured(x, w, 3)
    assert set(chain.shifts.tolist()) == {0, 3}


def test_single_terms_have_no_successor(rng: np.random.Generator) -> None:
    x = activations("independent", (50, 1), rng)
    chain, _ = measured(x, np.array([[1], [0]]), 0)
    assert not chain.joint.any()
    assert chain.persistence == 1
    inside, ends = chain.flips(chain.words)
    assert inside == 0
    assert ends == pytest.approx(2 * np.bitwise_count(x).mean())


def variance_ratio(words: np.ndarray, block: int) -> float:
    """Of sums of ``block`` successive words over that of as many independent words."""
    sums = words[: len(words) // block * block].reshape(-1, block).sum(1)
    return float(sums.var() / (block * words.var()))


@pytest.mark.parametrize("max_shift", [0, 2])
@pytest.mark.parametrize("kind", ["independent", "alike"])
def test_persistence_is_the_variance_of_sums(
    kind: str, max_shift: int, rng: np.random.Generator
) -> None:
    """In a long run of the chain itself; of a stream of terms, whose runs of equal words are not as
    uneven as a chain's, it is up to a third too much."""
    shape = (1, 400_000)
    x, w = activations(kind, shape, rng), weights(shape, rng)
    chain, _ = measured(x, w, max_shift)
    reached = np.cumsum(chain.joint, 1) / chain.joint.sum(1, keepdims=True)
    state, states = 0, []
    for chance in rng.random(300_000):
        state = int(np.searchsorted(reached[state], chance))
        states.append(state)
    run = chain.words[states]
    assert chain.variance == pytest.approx(run.var(), rel=0.03)
    assert chain.persistence == pytest.approx(variance_ratio(run, 150), rel=0.09)
    words, shifts, _ = rail_stream(x, w, 1, max_shift)
    assert chain.variance == pytest.approx((words << shifts).var(), rel=0.01)
    assert 0.97 < chain.persistence / variance_ratio(words << shifts, 150) < 1.33


@pytest.mark.parametrize("kind", ["independent", "alike"])
def test_flips_of_a_net(kind: str, rng: np.random.Generator) -> None:
    shape = (4000, 40)
    x, w = activations(kind, shape, rng), weights(shape, rng)
    chain, _ = measured(x, w, 2)
    words, shifts, counts = rail_stream(x, w, 1, 2)
    sequences = np.split(words << (shifts >> 1), np.cumsum(counts)[:-1])
    steps = [np.bitwise_count(row[1:] ^ row[:-1]) for row in sequences]
    ends = [int(row[0]).bit_count() + int(row[-1]).bit_count() for row in sequences if len(row)]
    inside, at_ends = chain.flips(chain.operands << (chain.shifts >> 1))
    assert inside == pytest.approx(np.concatenate(steps).mean(), rel=0.02)
    assert at_ends == pytest.approx(np.mean(ends), rel=0.02)


def test_flips_of_each_bit(rng: np.random.Generator) -> None:
    """Signed words too: any number of their bits may be asked for."""
    words, joint = rng.integers(-20, 21, 30), rng.random((30, 30))
    expected = np.zeros(9)
    for i, a in enumerate(words.tolist()):
        for j, b in enumerate(words.tolist()):
            expected += [joint[i, j] * ((a ^ b) >> bit & 1) for bit in range(9)]
    np.testing.assert_allclose(bit_flips(words, joint, 9), expected)
    assert bit_flips(words, joint, 0).shape == (0,)
