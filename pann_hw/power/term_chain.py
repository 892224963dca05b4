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

__all__ = ["TermChain", "bit_flips", "term_chain"]

_LONGEST_MEMORY = 64
"""Terms over which a chain remembers."""

_FORGOTTEN = 1e-6
"""Share of a chain's variance below which it remembers nothing more."""


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
    def distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct words, ascending, and their probabilities."""
        values, index = np.unique(self.words, return_inverse=True)
        return values, np.bincount(index, self.frequency)

    @property
    def variance(self) -> float:
        """Variance of the words."""
        return float(self.frequency @ self._deviation**2)

    @property
    def persistence(self) -> float:
        """Variance of a long sum of words over that of as many independent ones.

        ``1 + 2 sum_{k >= 1} corr(word_0, word_k)``, with ``word_k`` by k steps of the chain, as far
        as words of one sequence are apart.
        """
        variance = self.variance
        if not variance:
            return 1.0
        rows = self.joint.sum(1, keepdims=True)
        step = self.joint / np.where(rows > 0, rows, 1)
        deviation = self._deviation
        later, total = deviation, 0.0
        for _ in range(_LONGEST_MEMORY):
            later = step @ later
            total += float((self.frequency * deviation) @ later)
            if self.frequency @ later**2 < _FORGOTTEN * variance:
                break
        return max(1 + 2 * total / variance, 0.0)

    @property
    def _deviation(self) -> np.ndarray:
        deviation: np.ndarray = self.words - float(self.frequency @ self.words)
        return deviation

    def flips(self, net: np.ndarray) -> tuple[float, float]:
        """Flips of a word that is a function of the state: per pair of successive terms, and at the
        two ends of a sequence together, where it comes from 0 and goes back.

        Parameters
        ----------
        net : int64 (n,), not negative
        """
        ends = float((self.first + self.last) @ np.bitwise_count(net))
        return float(bit_flips(net, self.joint, int(net.max()).bit_length()).sum()), ends


def term_chain(x: WordStatistics, rail: RailStatistics) -> TermChain:
    """The chain of a rail's words, from statistics of activations and of the weights' terms."""
    shifts = np.flatnonzero(rail.shifts)
    first, last = rail.first[shifts], rail.last[shifts]
    apart = x.apart
    shares = rail.used * (1 - rail.used) ** np.arange(len(apart))
    shares[-1] += (1 - rail.used) ** len(apart)
    # After a sequence's last used weight no other follows.
    followed = max(rail.used - rail.present(x.length) / x.length, 0)
    joint = np.einsum("xy,s,t->xsyt", followed * np.tensordot(shares, apart, 1), last, first)
    n = len(x.values)
    same = np.arange(n)
    joint[same, :, same, :] += x.frequency[:, None, None] * rail.inside[np.ix_(shifts, shifts)]
    states = n * len(shifts)
    return TermChain(
        np.repeat(x.values, len(shifts)),
        np.tile(shifts, n),
        np.outer(x.frequency, rail.shifts[shifts] / rail.terms).ravel(),
        np.outer(x.frequency, first).ravel(),
        np.outer(x.frequency, last).ravel(),
        joint.reshape(states, states) / (joint.sum() or 1),
    )


def bit_flips(words: np.ndarray, joint: np.ndarray, bits: int) -> np.ndarray:
    """Flips of each of the words' lowest bits between successive words, float64 (bits,).

    ``P(a != b) = P(a) + P(b) - 2 P(a and b)``.

    Parameters
    ----------
    words : int64 (n,)
    joint : float64 (n, n), probability of two successive words
    """
    ones = (words[:, None] >> np.arange(bits) & 1).astype(np.float64)
    flips: np.ndarray = (joint.sum(0) + joint.sum(1)) @ ones - 2 * (ones * (joint @ ones)).sum(0)
    return flips
