"""Successive addends of a PANN adder, while one of two rails has terms, or both.

A table of two successive differences is as large as the square of their range. Of wide words, the
lowest bits are therefore in a table of their own; in that of the upper bits nothing is borrowed
from below, but it is fitted to how the differences' upper bits are distributed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pann_hw.power.carry import fitted, step_pairs
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_chain import TermChain, bit_flips
from pann_hw.power.term_stream import RailStatistics

__all__ = ["Addends", "alike", "differences", "words_alone"]

_MOST_BITS = 11
"""Bits of a difference, with its sign, that one table has."""


@dataclass(frozen=True, eq=False)
class Addends:
    """How addends are distributed, and how they follow each other.

    Attributes
    ----------
    values, frequency : int64 and float64 (n,), addends and their probabilities
    flips : float64 (bits,), of each bit between successive addends, the sign's last
    cut : lowest bits, of which ``joint`` does not tell
    upper, joint : int64 (m,) and float64 (m, m), addends without these bits, ascending, and the
        probability of two successive ones
    """

    values: np.ndarray
    frequency: np.ndarray
    flips: np.ndarray
    cut: int
    upper: np.ndarray
    joint: np.ndarray

    def step_pairs(self, low_bits: int) -> tuple[int, np.ndarray]:
        """See :func:`pann_hw.power.carry.step_pairs`; ``low_bits`` at least ``cut``."""
        middles = (self.upper + 0.5) * 2**self.cut - 0.5
        return step_pairs(middles, self.joint, low_bits)


def words_alone(rail: TermChain, sign: int) -> Addends:
    """Addends while one rail has terms, which are subtracted where ``sign`` is -1."""
    values, place = np.unique(sign * rail.words, return_inverse=True)
    joint = _table(place, rail.joint, len(values))
    flips = bit_flips(values, joint, _bits(values))
    return Addends(values, np.bincount(place, rail.frequency), flips, 0, values, joint)


def alike(x: WordStatistics, p: RailStatistics, n: RailStatistics) -> np.ndarray:
    """Distribution of ``(x << s) - (y << t)`` from the lowest to the highest, where x and y are
    activations a few places apart, s and t shifts of p and n."""
    near = x.apart.mean(0)
    near = (near + near.T) / 2
    shares = np.outer(p.shifts, n.shifts) / (p.terms * n.terms)
    used = np.argwhere(shares)
    highest, lowest = (int(x.values[-1]) << int(shift) for shift in used.max(0))
    total = np.zeros(lowest + highest + 1)
    for s, t in used:
        index = lowest + (x.values[:, None] << s) - (x.values << t)
        total += np.bincount(index.ravel(), (shares[s, t] * near).ravel(), len(total))
    return total


def differences(p: TermChain, n: TermChain, frequency: np.ndarray) -> Addends:
    """Addends ``d = p - n`` while two rails have terms, independent of each other, but near.

    Parameters
    ----------
    p, n : the rails
    frequency : float64, probability of each d from the lowest to the highest, see :func:`alike`
    """
    values = np.arange(-int(n.words.max()), int(p.words.max()) + 1)
    bits = _bits(values)
    cut = max(bits - _MOST_BITS, 0)

    def table(place: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Places in which d may be, and their table: that of p's place and -n's, added."""
        places = np.unique(place(values))
        size = len(places)
        order = 1 << (size - 1).bit_length()
        up = _table(place(p.words) - place(np.zeros_like(p.words)), p.joint, size)
        down = _table(place(-n.words) - places[0], n.joint, size)
        spectrum = np.fft.rfft2(up, (order, order))
        spectrum *= np.fft.rfft2(down, (order, order))
        found = np.fft.irfft2(spectrum, (order, order))[:size, :size]
        shares = np.bincount(place(values) - places[0], frequency)
        return places, fitted(found.clip(0), shares, shares)

    upper, joint = table(lambda d: d >> cut)
    below, below_joint = table(lambda d: d & ((1 << cut) - 1))
    flips = bit_flips(below, below_joint, cut), bit_flips(upper, joint, bits - cut)
    return Addends(values, frequency, np.concatenate(flips), cut, upper, joint)


def _table(places: np.ndarray, joint: np.ndarray, size: int) -> np.ndarray:
    index = places[:, None] * size + places
    return np.bincount(index.ravel(), joint.ravel(), size * size).reshape(size, size)


def _bits(values: np.ndarray) -> int:
    """Bits of the ascending values, with a sign."""
    return max(int(values[-1]), -int(values[0])).bit_length() + 1
