"""Addends of two rails: against loops over all pairs of both rails' words."""

from __future__ import annotations

import numpy as np
import pytest

import pann_hw.power.addends
from pann_hw.power.addends import Addends, alike, differences, words_alone
from pann_hw.power.carry import step_pairs
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_chain import TermChain
from pann_hw.power.term_stream import rail_statistics


def chain(operands: int, shifts: int, rng: np.random.Generator) -> TermChain:
    """Any chain whose states come as often before as after another."""
    states = operands * shifts
    joint = rng.random((states, states)) ** 3
    joint = (joint + joint.T) / (2 * joint.sum())
    share = joint.sum(1)
    x, s = np.divmod(np.arange(states), shifts)
    return TermChain(x, s, share, share, share, joint)


def slow_differences(p: TermChain, n: TermChain) -> tuple[np.ndarray, np.ndarray]:
    """All differences, and the table of two successive ones, by loops."""
    values = np.arange(-int(n.words.max()), int(p.words.max()) + 1)
    table = np.zeros((len(values), len(values)))
    for i, a in enumerate(p.words.tolist()):
        for j, b in enumerate(p.words.tolist()):
            for k, c in enumerate(n.words.tolist()):
                for m, d in enumerate(n.words.tolist()):
                    share = p.joint[i, j] * n.joint[k, m]
                    table[a - c - values[0], b - d - values[0]] += share
    return values, table


def slow_flips(addends: Addends, table: np.ndarray) -> np.ndarray:
    flips = np.zeros(len(addends.flips))
    for i, a in enumerate(addends.values.tolist()):
        for j, b in enumerate(addends.values.tolist()):
            flips += [table[i, j] * ((a ^ b) >> bit & 1) for bit in range(len(flips))]
    return flips


def test_differences_are_those_of_a_loop(rng: np.random.Generator) -> None:
    p, n = chain(3, 3, rng), chain(4, 2, rng)
    values, table = slow_differences(p, n)
    addends = differences(p, n, table.sum(1))
    assert addends.cut == 0
    assert (addends.values == values).all()
    assert (addends.upper == values).all()
    np.testing.assert_allclose(addends.joint, table, atol=1e-12)
    np.testing.assert_allclose(addends.frequency, table.sum(1))
    assert len(addends.flips) == 5
    np.testing.assert_allclose(addends.flips, slow_flips(addends, table))
    for low_bits in (1, 3, 6):
        expected = step_pairs(values, table, low_bits)
        lowest, pairs = addends.step_pairs(low_bits)
        assert lowest == expected[0]
        np.testing.assert_allclose(pairs, expected[1], atol=1e-12)


@pytest.mark.parametrize("most", [4, 5, 6])
def test_wide_words_in_two_tables(
    most: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, n = chain(7, 3, rng), chain(6, 3, rng)
    _, table = slow_differences(p, n)
    exact = differences(p, n, table.sum(1))
    monkeypatch.setattr(pann_hw.power.addends, "_MOST_BITS", most)
    cut = differences(p, n, table.sum(1))
    assert cut.cut == 6 - most
    assert len(cut.joint) <= 2**most
    assert (cut.values == exact.values).all()
    # The low bits know all of themselves, the upper ones not when they are borrowed from.
    np.testing.assert_allclose(cut.flips[: cut.cut], exact.flips[: cut.cut])
    np.testing.assert_allclose(cut.flips, exact.flips, rtol=0.02 * 2**cut.cut)
    np.testing.assert_allclose(
        cut.joint.sum(1),
        np.bincount((cut.values >> cut.cut) - cut.upper[0], table.sum(1)),
        atol=2e-3,
    )
    for low_bits in (2, 3, 5):
        (lowest, expected), found = exact.step_pairs(low_bits), cut.step_pairs(low_bits)
        assert lowest == found[0]
        np.testing.assert_allclose(found[1], expected, atol=0.015)


@pytest.mark.parametrize("sign", [1, -1])
def test_words_of_one_rail_alone(sign: int, rng: np.random.Generator) -> None:
    rail = chain(4, 3, rng)
    addends = words_alone(rail, sign)
    values = sorted({sign * word for word in rail.words.tolist()})
    table = np.zeros((len(values), len(values)))
    for i, a in enumerate(rail.words.tolist()):
        for j, b in enumerate(rail.words.tolist()):
            table[values.index(sign * a), values.index(sign * b)] += rail.joint[i, j]
    assert addends.values.tolist() == values
    np.testing.assert_allclose(addends.joint, table)
    np.testing.assert_allclose(addends.frequency, table.sum(1))
    np.testing.assert_allclose(addends.flips, slow_flips(addends, table))
    # A rail alone has one sign, which does not change but at a 0.
    assert (addends.flips[-1] > 0) == (sign < 0)


def test_alike_activations(rng: np.random.Generator) -> None:
    """Both activations at places up to 8 apart, in either order, and every pair of shifts."""
    x = WordStatistics.of(np.cumsum(rng.integers(0, 2, (300, 12)), 1), 4)
    w = WordStatistics.of(np.rint(rng.normal(0, 4, (300, 12))).astype(np.int64), 8, signed=True)
    p, n = (rail_statistics(w, sign, 3) for sign in (1, -1))
    found = alike(x, p, n)
    lowest = -(int(x.values[-1]) << 3)
    expected = np.zeros(-2 * lowest + 1)
    assert x.distant is not None
    for place in x.distant:
        for i, a in enumerate(x.values.tolist()):
            for j, b in enumerate(x.values.tolist()):
                for s, p_share in enumerate(p.shifts / p.terms):
                    for t, n_share in enumerate(n.shifts / n.terms):
                        share = p_share * n_share * place[i, j] / len(x.distant) / 2
                        expected[(a << s) - (b << t) - lowest] += share
                        expected[(b << s) - (a << t) - lowest] += share
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.sum() == pytest.approx(1)
