"""Weights as streams of terms on rails: what drives a PANN adder, and its statistics.

A weight's positive terms go to the first rail, its negative ones to the second; see
:mod:`pann_hw.integer.terms`. The activation is held while its weight's terms last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pann_hw.integer.terms import encode
from pann_hw.power.statistics import WordStatistics

__all__ = ["RailStatistics", "rail_statistics", "rail_stream", "surplus"]


def rail_stream(
    x: np.ndarray, w: np.ndarray, sign: int, max_shift: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The terms of one sign of many sequences, one after another.

    Parameters
    ----------
    x, w : int64 (sequences, length), activations and integer weights
    sign : 1 or -1, which terms
    max_shift : largest shift of a term; 0 for unary terms

    Returns
    -------
    tuple : int64 operands and shifts, a term each, and int64 (sequences,) terms of each sequence
    """
    values, index = np.unique(w, return_inverse=True)
    shifts = [_shifts(int(value), sign, max_shift) for value in values]
    counts = np.array([len(item) for item in shifts])[index].reshape(w.shape)
    table = np.zeros((len(values), max(map(len, shifts), default=0)), np.int64)
    for row, item in zip(table, shifts, strict=True):
        row[: len(item)] = item
    used = np.arange(table.shape[1]) < counts.reshape(-1, 1)
    return np.repeat(x.ravel(), counts.ravel()), table[index.ravel()][used], counts.sum(1)


@dataclass(frozen=True, eq=False)
class RailStatistics:
    """How the weights' terms of one sign follow each other.

    Attributes
    ----------
    used : share of weights that have such terms
    terms : terms per weight
    first, last : float64 (shifts,), probability of a used weight's first and last shift
    inside : float64 (shifts, shifts), successive shifts of one weight, expected per weight
    """

    used: float
    terms: float
    first: np.ndarray
    last: np.ndarray
    inside: np.ndarray

    @property
    def shifts(self) -> np.ndarray:
        """How often each shift occurs, expected per weight, float64 (shifts,)."""
        counts: np.ndarray = self.inside.sum(1) + self.used * self.last
        return counts

    def present(self, length: int) -> float:
        """Probability that a sequence of ``length`` weights has a term."""
        return 1 - (1 - self.used) ** length


def rail_statistics(w: WordStatistics, sign: int, max_shift: int) -> RailStatistics:
    """The statistics of the terms of one sign, from how often each weight occurs."""
    size = max_shift + 1
    first, last, inside = np.zeros(size), np.zeros(size), np.zeros((size, size))
    terms = 0.0
    for value, share in zip(w.values, w.frequency, strict=True):
        shifts = _shifts(int(value), sign, max_shift)
        terms += share * len(shifts)
        if shifts:
            first[shifts[0]] += share
            last[shifts[-1]] += share
            np.add.at(inside, (shifts[:-1], shifts[1:]), share)
    used = float(first.sum())
    scale = used or 1.0
    return RailStatistics(used, terms, first / scale, last / scale, inside)


def surplus(
    w: WordStatistics, max_shift: int, length: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """How many more positive terms than negative ones, and the reverse, a sequence has.

    ``E[max(D, 0)] = s phi(m / s) + m Phi(m / s)`` for a normal D of mean m and deviation s.

    Returns
    -------
    tuple : both numbers, per weight, and how likely there are any
    """
    mean, variance = (length * moment for moment in _imbalance(w, max_shift))
    deviation = math.sqrt(variance) or 1e-12
    ratio = mean / deviation
    density = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    positive = deviation * density + mean * _normal(ratio)
    # A whole number is above 0 where it is above 1/2.
    chances = _normal((mean - 0.5) / deviation), _normal((-mean - 0.5) / deviation)
    return (positive / length, (positive - mean) / length), chances


def _imbalance(w: WordStatistics, max_shift: int) -> tuple[float, float]:
    """Mean and variance of the positive terms of a weight less its negative ones."""
    each = np.array([sum(sign for sign, _ in encode(int(v), max_shift)) for v in w.values])
    mean = float(each @ w.frequency)
    return mean, max(float(each**2 @ w.frequency) - mean**2, 0.0)


def _normal(ratio: float) -> float:
    return (1 + math.erf(ratio / math.sqrt(2))) / 2


def _shifts(weight: int, sign: int, max_shift: int) -> list[int]:
    return [shift for digit, shift in encode(weight, max_shift) if digit == sign]
