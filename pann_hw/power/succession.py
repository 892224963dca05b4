"""How a word and the one after it are alike, where there may be too many words for pairs.

A net that is f(a) of a word and g(a') of its successor flips with probability
``E[f] + E[g] - 2 E[f(a) g(a')]``. With a table of pairs the last term is a sum over them. Without
one, the two words are taken as two standard normal variables of correlation rho, cut into as many
cells as there are words, each as probable as its word (a Gaussian copula). Then, with the
normalised Hermite polynomials h_k and the normal density phi,

    E[f(a) g(a')] = sum_k rho**k f_k g_k,    f_k = sum_a f(a) integral over a's cell of h_k phi

(Mehler's formula). The one unknown, rho, is the one whose flips of the words' own bits are nearest
to the measured ones, in squares.
"""

from __future__ import annotations

from functools import cached_property
from statistics import NormalDist

import numpy as np

from pann_hw.power.statistics import WordStatistics

__all__ = ["Succession", "continued_pairs", "continued_toggles"]

_TERMS = 128
"""Terms of the series: enough to resolve a thirtieth of the distribution's width."""

_CORRELATIONS = np.tanh(np.linspace(-3.5, 3.5, 1401))
"""Those that are tried, closer to each other towards -1 and 1, where flips depend on them most."""


def continued_pairs(statistics: WordStatistics) -> np.ndarray:
    """Pairs in a stream in which the next sequence follows at once, at its own first word."""
    inside = (statistics.length - 1) / statistics.length
    across = np.outer(statistics.last, statistics.first)
    pairs: np.ndarray = inside * statistics.joint + (1 - inside) * across
    return pairs


def continued_toggles(statistics: WordStatistics) -> np.ndarray:
    """Flips of each bit a word in such a stream, float64 (width,)."""
    inside = (statistics.length - 1) / statistics.length
    bits = _bits(statistics.values, statistics.width)
    last, first = statistics.last @ bits, statistics.first @ bits
    across = last * (1 - first) + first * (1 - last)
    toggles: np.ndarray = inside * statistics.toggles + (1 - inside) * across
    return toggles


class Succession:
    """Expected flips of nets that are functions of a word, from one word to the next.

    Parameters
    ----------
    statistics : of words that are a continued stream
    use_pairs : False takes the correlation even where pairs are known
    """

    def __init__(self, statistics: WordStatistics, *, use_pairs: bool = True) -> None:
        self._statistics = statistics
        self._use_pairs = use_pairs and statistics.pairs is not None

    def flips(self, before: np.ndarray, after: np.ndarray, width: int) -> float:
        """Flips of a net from ``before``, a function of a word, to ``after``, one of the next.

        Parameters
        ----------
        before, after : int64 (values,), what the net is for each of the words' values
        width : bits of the net
        """
        frequency = self._statistics.frequency
        f, g = _bits(before, width), _bits(after, width)
        if self._use_pairs:
            both = (f * (self._pairs @ g)).sum()
            return float(self._pairs.sum(1) @ f.sum(1) + self._pairs.sum(0) @ g.sum(1) - 2 * both)
        f_rate, g_rate = frequency @ f, frequency @ g
        powers = self.correlation ** np.arange(1, _TERMS + 1)
        both = f_rate @ g_rate + powers @ ((self._cells @ f) * (self._cells @ g)).sum(1)
        return float(f_rate.sum() + g_rate.sum() - 2 * both)

    @cached_property
    def correlation(self) -> float:
        """rho, to within 0.005 of ``artanh(rho)``."""
        statistics = self._statistics
        bits = _bits(statistics.values, statistics.width)
        rate = statistics.frequency @ bits
        powers = _CORRELATIONS[:, None] ** np.arange(1, _TERMS + 1)
        expected = 2 * (rate * (1 - rate) - powers @ (self._cells @ bits) ** 2)
        error = ((expected - continued_toggles(statistics)) ** 2).sum(1)
        return float(_CORRELATIONS[error.argmin()])

    @cached_property
    def _pairs(self) -> np.ndarray:
        return continued_pairs(self._statistics)

    @cached_property
    def _cells(self) -> np.ndarray:
        """Integral of ``h_k phi`` over each value's cell for k = 1 .., float64 (terms, values).

        That of ``h_k phi`` up to z is ``-h_{k-1}(z) phi(z) / sqrt(k)``.
        """
        normal = NormalDist()
        below = np.cumsum(self._statistics.frequency)[:-1].clip(1e-15, 1 - 1e-15)
        z = np.array([normal.inv_cdf(share) for share in below.tolist()])
        lower, current = np.zeros_like(z), np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        cells = np.empty((_TERMS, len(z) + 1))
        for k in range(1, _TERMS + 1):
            cells[k - 1] = -np.diff(current / np.sqrt(k), prepend=0.0, append=0.0)
            lower, current = current, (z * current - np.sqrt(k - 1) * lower) / np.sqrt(k)
        return cells


def _bits(words: np.ndarray, width: int) -> np.ndarray:
    bits: np.ndarray = (words[:, None] >> np.arange(width) & 1).astype(np.float64)
    return bits
