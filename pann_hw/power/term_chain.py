"""The words on a rail as a chain: which shifted activation follows which.

An activation x stays for all terms of its weight and then gives way to that of the next weight with
a term on the rail. With a share u of such weights, independent of x, that one is g places further
with probability ``u (1 - u)**(g - 1)``; how alike activations g places apart are, is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_stream import RailStatistics

__all__ = ["TermChain", "carry_flips", "difference", "fitted", "pair_flips", "term_chain"]


_FITTING_ROUNDS = 4

_LONGEST_MEMORY = 64
"""Terms over which a chain remembers."""

_MOST_ADDENDS = 1024
"""Addends that a table of carries has; of more, neighbours are taken together."""


@dataclass(frozen=True, eq=False)
class TermChain:
    """States (activation, shift) of a rail, and how they follow each other within a sequence.

    Attributes
    ----------
    operands, shifts : int64 (n,), of each state
    frequency, first, last : float64 (n,), among all terms, and at a sequence's ends
    joint : float64 (n, n), probability of two successive terms
    """

    operands: np.ndarray
    shifts: np.ndarray
    frequency: np.ndarray
    first: np.ndarray
    last: np.ndarray
    joint: np.ndarray

    @property
    def words(self) -> np.ndarray:
        """The shifted activations, int64 (n,)."""
        shifted: np.ndarray = self.operands << self.shifts
        return shifted

    @property
    def persistence(self) -> float:
        """Variance of a long sum of words over that of as many independent ones.

        ``1 + 2 sum_{k >= 1} corr(word_0, word_k)``, with ``word_k`` by k steps of the chain, as far
        as words of one sequence are apart.
        """
        rows = self.joint.sum(1, keepdims=True)
        step = self.joint / np.where(rows > 0, rows, 1)
        deviation = self.words - float(self.frequency @ self.words)
        variance = float(self.frequency @ deviation**2)
        if not variance:
            return 1.0
        later, total = deviation, 0.0
        for _ in range(_LONGEST_MEMORY):
            later = step @ later
            total += float((self.frequency * deviation) @ later)
        return max(1 + 2 * total / variance, 0.0)

    def flips(self, net: np.ndarray) -> tuple[float, float]:
        """Flips of a word that is a function of the state: per pair of successive terms, and at the
        two ends of a sequence together, where it comes from 0 and goes back.

        Parameters
        ----------
        net : int64 (n,), not negative
        """
        ones = np.bitwise_count(net)
        return pair_flips(net, self.joint), float((self.first + self.last) @ ones)


def term_chain(x: WordStatistics, rail: RailStatistics) -> TermChain:
    """The chain of a rail's words, from statistics of activations and of the weights' terms."""
    n, size = len(x.values), len(rail.first)
    apart = x.apart
    shares = rail.used * (1 - rail.used) ** np.arange(len(apart))
    shares[-1] += (1 - rail.used) ** len(apart)
    pairs = np.tensordot(shares, apart, 1)
    joint = np.einsum("xy,s,t->xsyt", pairs * rail.used, rail.last, rail.first)
    same = np.arange(n)
    joint[same, :, same, :] += x.frequency[:, None, None] * rail.inside
    states = n * size
    frequency, first, last = (
        np.outer(x.frequency, share).ravel()
        for share in (rail.shifts / rail.terms, rail.first, rail.last)
    )
    return TermChain(
        np.repeat(x.values, size),
        np.tile(np.arange(size), n),
        frequency,
        first,
        last,
        joint.reshape(states, states) / rail.terms,
    )


def pair_flips(words: np.ndarray, joint: np.ndarray) -> float:
    """Flips between successive words, ``sum joint[i, j] popcount(words[i] ^ words[j])``."""
    return float((joint * np.bitwise_count(words[:, None] ^ words)).sum())


def difference(p: TermChain, n: TermChain) -> tuple[int, np.ndarray]:
    """Successive differences ``d = p - n`` of two independent rails.

    Returns
    -------
    tuple : the smallest difference, and float64 (size, size), the probability of a difference and
        its successor, both counted from the smallest
    """
    tables = []
    for chain in (p, n):
        size = int(chain.words.max()) + 1
        index = chain.words[:, None] * size + chain.words
        table = np.bincount(index.ravel(), chain.joint.ravel(), size * size)
        tables.append(table.reshape(size, size))
    up, down = tables[0], tables[1][::-1, ::-1]
    shape = tuple(a + b - 1 for a, b in zip(up.shape, down.shape, strict=True))
    product = np.fft.rfft2(up, shape) * np.fft.rfft2(down, shape)
    return 1 - len(down), np.fft.irfft2(product, shape).clip(0)


def fitted(joint: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The table nearest to ``joint`` whose rows and columns both add up to ``shares``.

    By iterative proportional fitting, which keeps the odds of the table (Deming and Stephan, Annals
    of Mathematical Statistics 11, 1940).
    """
    result = joint
    for _ in range(_FITTING_ROUNDS):
        for axis in (1, 0):
            found = result.sum(axis, keepdims=True)
            wanted = np.expand_dims(shares, axis)
            result = result * np.divide(wanted, found, out=np.zeros_like(found), where=found > 0)
    return result


def carry_flips(words: np.ndarray, joint: np.ndarray, low_bits: int, width: int) -> float:
    """Flips of the step ``floor((u + d) / 2**low_bits)`` that goes to an accumulator's upper bits.

    With ``d = f 2**low_bits`` and low bits u uniform, successive steps are ``floor(u + f)`` and
    ``floor(u + f + f') - floor(u + f)``: constant on three ranges of u, which end where ``u + f``
    and ``u + f + f'`` reach a whole number.

    Parameters
    ----------
    words : int64 (n,), the addends d
    joint : float64 (n, n), probability of two successive addends
    width : bits that the step is extended to
    """
    while len(words) > _MOST_ADDENDS:
        words, joint = _halved(words, joint)
    mask = (1 << width) - 1
    unit = 1 << low_bits
    here, there = words[:, None], words[:, None] + words
    first_end = 1 - (here % unit) / unit
    both_end = 1 - (there % unit) / unit
    total = 0.0
    for carried, carried_both in ((0, 0), (1, 0), (0, 1), (1, 1)):
        begin = np.maximum(first_end * carried, both_end * carried_both)
        end = np.minimum(1 if carried else first_end, 1 if carried_both else both_end)
        step = (here >> low_bits) + carried
        following = (there >> low_bits) + carried_both - step
        changed = np.bitwise_count((step ^ following) & mask)
        total += float((joint * np.clip(end - begin, 0, None) * changed).sum())
    return total


def _halved(words: np.ndarray, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every second word, standing for its neighbour too."""
    even = len(words) // 2 * 2
    halved = joint[:even, :even].reshape(even // 2, 2, even // 2, 2).sum((1, 3))
    if even < len(words):
        halved = np.pad(halved, (0, 1))
        halved[:-1, -1] = joint[:even, -1].reshape(-1, 2).sum(1)
        halved[-1, :-1] = joint[-1, :even].reshape(-1, 2).sum(1)
        halved[-1, -1] = joint[-1, -1]
    return words[::2], halved
