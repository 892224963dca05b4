"""Expected flips of nets: against sums over all words, and against a long stream of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power.expectation import flips_across, flips_to, flips_within
from pann_hw.power.nets import evaluate, grid
from pann_hw.power.products import KINDS

X, W, NETS = 5, 3, 7


def table(rng: np.random.Generator) -> np.ndarray:
    return rng.random((X, W, NETS)) < rng.random(NETS)


def pairs(count: int, rng: np.random.Generator) -> np.ndarray:
    """Any joint distribution: successive words may have different ones."""
    joint = rng.random((count, count)) ** 3
    result: np.ndarray = joint / joint.sum()
    return result


def test_across_is_the_sum_over_all_words(rng: np.random.Generator) -> None:
    before, after = table(rng), table(rng)
    x_pairs, w_pairs = pairs(X, rng), pairs(W, rng)
    expected = np.zeros(NETS)
    for x, following_x, w, following_w in itertools.product(range(X), range(X), range(W), range(W)):
        probability = x_pairs[x, following_x] * w_pairs[w, following_w]
        expected += probability * (before[x, w] != after[following_x, following_w])
    assert flips_across(before, after, x_pairs, w_pairs) == pytest.approx(expected)


def test_within_and_to_are_sums_over_all_words(rng: np.random.Generator) -> None:
    before, after = table(rng), table(rng)
    x_rate, w_rate = pairs(X, rng).sum(0), pairs(W, rng).sum(0)
    within, to = np.zeros((2, NETS))
    rest = table(rng)[0, 0]
    for x, w in itertools.product(range(X), range(W)):
        within += x_rate[x] * w_rate[w] * (before[x, w] != after[x, w])
        to += x_rate[x] * w_rate[w] * (before[x, w] != rest)
    assert flips_within(before, after, x_rate, w_rate) == pytest.approx(within)
    assert flips_to(before, rest, x_rate, w_rate) == pytest.approx(to)


def stream(transitions: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """A chain's states, one drawn after another."""
    cumulative = transitions.cumsum(1)
    state, states = 0, np.empty(length, np.int64)
    for step, chance in enumerate(rng.random(length)):
        state = min(int(np.searchsorted(cumulative[state], chance)), len(transitions) - 1)
        states[step] = state
    return states


@pytest.mark.parametrize("kind", KINDS)
def test_multiplier_with_correlated_words(kind: str, rng: np.random.Generator) -> None:
    """Two independent chains that seldom change drive a 3 x 3 multiplier."""
    length = 60_000
    words, joints = [], []
    for _ in range(2):
        transitions = np.eye(8) * 2 + rng.random((8, 8)) ** 4
        transitions /= transitions.sum(1, keepdims=True)
        states = stream(transitions, length, rng)
        stationary = np.linalg.matrix_power(transitions, 1000)[0]
        words.append(states)
        joints.append(stationary[:, None] * transitions)
    nets, _ = evaluate(KINDS[kind], *((word, 3) for word in words))
    counted = np.array([np.count_nonzero(bit[1:] != bit[:-1]) for bit in nets.values()]) / length
    values = np.arange(8)
    all_nets, _ = evaluate(KINDS[kind], *((side, 3) for side in grid(values, values)))
    tables = np.stack(list(all_nets.values()), -1)
    expected = flips_across(tables, tables, *joints)
    assert list(nets) == list(all_nets)
    assert expected == pytest.approx(counted, abs=0.015)
    assert expected.sum() == pytest.approx(counted.sum(), rel=0.02)
    # Independent words, which is what the rates of words alone tell, would flip far more.
    independent = [np.outer(joint.sum(1), joint.sum(0)) for joint in joints]
    assert flips_across(tables, tables, *independent).sum() > 1.15 * counted.sum()
