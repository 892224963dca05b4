"""Statistics of the words that an operand takes: what the second level of the power models sees.

Bits of real words are not independent: small signed words repeat their sign, words after a ReLU are
0 as a whole. So the statistics are kept by word, and the rates of the bits follow from them; where
only the rates of the bits are known, ``from_bits`` takes the bits as independent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["WordStatistics", "check_words", "word_flips", "word_range"]

_MOST_PAIRED = 1024
"""Distinct values up to which successive words are kept as pairs (a square of float64)."""

_MOST_APART = 8
"""Words further apart than this are taken to be as alike as these are."""


@dataclass(frozen=True, eq=False)
class WordStatistics:
    """How often each word occurs, first, last and at all, and which word follows which.

    Attributes
    ----------
    width : bits of a word
    length : words of a sequence; statistics of pairs are those within sequences
    values : int64 (n,), distinct words, ascending
    frequency, first, last : float64 (n,), probabilities among all words, and at a sequence's ends
    pairs : float64 (n, n), probability that a word is followed by another; None where n is
        above 1024
    ones, toggles : float64 (width,), how often a bit is 1, and changes between successive words
    distant : float64 (places, n, n), probability of two words that are 1, 2, .. 8 places apart;
        None where n is above 256 or a sequence is one word
    """

    width: int
    length: int
    values: np.ndarray
    frequency: np.ndarray
    first: np.ndarray
    last: np.ndarray
    pairs: np.ndarray | None
    ones: np.ndarray
    toggles: np.ndarray
    distant: np.ndarray | None = None

    @classmethod
    def of(
        cls, words: np.ndarray, width: int, *, signed: bool = False, what: str = "data"
    ) -> WordStatistics:
        """Measure words (sequences, length) in order of time.

        Raises
        ------
        ValueError : as of :func:`check_words`, or fewer than two distinct words
        """
        words = check_words(words, width, signed=signed, what=what)
        values, inverse = np.unique(words, return_inverse=True)
        if len(values) < 2:
            low, high = word_range(width, signed=signed)
            raise ValueError(
                f"{what} is constant at {values[0]}: must have two or more distinct values in "
                f"{low}..{high}"
            )
        index = inverse.reshape(words.shape)
        n = len(values)
        pairs = distant = None
        if n <= _MOST_PAIRED and words.shape[1] > 1:
            pairs = _pairs(index, 1, n)
        if n <= 256 and words.shape[1] > 1:
            places = range(1, min(_MOST_APART, words.shape[1] - 1) + 1)
            distant = np.stack([_pairs(index, place, n) for place in places])
        bits = (words[..., None] >> np.arange(width)) & 1
        changed = (bits[:, 1:] ^ bits[:, :-1]).reshape(-1, width)
        frequency, first, last = (
            np.bincount(part.ravel(), minlength=n) / part.size
            for part in (index, index[:, 0], index[:, -1])
        )
        return cls(
            width,
            words.shape[1],
            values,
            frequency,
            first,
            last,
            pairs,
            bits.reshape(-1, width).mean(0),
            changed.mean(0) if len(changed) else np.zeros(width),
            distant,
        )

    @classmethod
    def from_bits(
        cls, ones: Sequence[float], toggles: Sequence[float], length: int, *, signed: bool = False
    ) -> WordStatistics:
        """Statistics of words whose bits are independent two-state chains.

        ``P(word, next) = prod_i P_i(bit, next bit)`` with ``P_i(0, 1) = P_i(1, 0) =
        toggles[i] / 2`` and ``P_i(1, 1) = ones[i] - toggles[i] / 2``.

        Parameters
        ----------
        ones, toggles : a rate in 0..1 per bit, lowest bit first; at most 10 bits
        length : words of a sequence, 1 or more
        signed : whether the highest bit is a sign

        Raises
        ------
        ValueError : no or too many bits, no words, or rates that no chain has
        """
        if length < 1:
            raise ValueError(f"length = {length}: must be 1 or more")
        width = len(ones)
        if not 1 <= width <= 10 or len(toggles) != width:
            raise ValueError(f"{width} and {len(toggles)} rates: must be 1..10 of both, as many")
        pairs: np.ndarray = np.ones((1, 1))
        for bit, (one, toggle) in enumerate(zip(ones, toggles, strict=True)):
            limit = 2 * min(one, 1 - one)
            if not (0 <= one <= 1 and 0 <= toggle <= limit + 1e-9):
                raise ValueError(
                    f"bit {bit} is 1 at a rate of {one} and toggles at {toggle}: the first must be "
                    f"0..1, the second 0..{limit:g} then"
                )
            half = toggle / 2
            pairs = np.kron([[1 - one - half, half], [half, one - half]], pairs)
        values = np.arange(2**width)
        if signed:
            values[values >= 2 ** (width - 1)] -= 2**width
        order = np.argsort(values)
        pairs = pairs[np.ix_(order, order)].clip(0)
        frequency = pairs.sum(1)
        return cls(
            width,
            length,
            values[order],
            frequency,
            frequency,
            frequency,
            pairs,
            np.array(ones, float),
            np.array(toggles, float),
        )

    def independent_bits(self, *, signed: bool = False) -> WordStatistics:
        """What is left of the statistics where only the rates of each bit are known."""
        return self.from_bits(
            self.ones.tolist(),
            np.minimum(self.toggles, 2 * np.minimum(self.ones, 1 - self.ones)).tolist(),
            self.length,
            signed=signed,
        )

    @cached_property
    def _digest(self) -> bytes:
        apart = self.frequency if self.pairs is None else self.apart
        parts = [self.values, self.first, self.last, apart, self.ones, self.toggles]
        digest = hashlib.sha256(f"{self.width} {self.length}".encode())
        for part in parts:
            digest.update(part.tobytes())
        return digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordStatistics) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    @cached_property
    def joint(self) -> np.ndarray:
        """``pairs``; where they are unknown, those of independent successive words.

        Raises
        ------
        ValueError : more distinct values than a table of pairs can have
        """
        if self.pairs is not None:
            return self.pairs
        if len(self.values) > _MOST_PAIRED:
            raise ValueError(
                f"{len(self.values)} distinct values: pairs of at most {_MOST_PAIRED} can be kept"
            )
        return np.outer(self.frequency, self.frequency)

    @property
    def apart(self) -> np.ndarray:
        """``distant``; where it is unknown, a single place: ``joint``."""
        return self.joint[None] if self.distant is None else self.distant

    @property
    def paced_toggles(self) -> np.ndarray:
        """Flips of each bit a word, float64 (width,), where a 0 stands between sequences."""
        bits = self.values[:, None] >> np.arange(self.width) & 1
        inside = (self.length - 1) / self.length
        rates: np.ndarray = inside * self.toggles + (self.first + self.last) @ bits / self.length
        return rates


def word_range(width: int, *, signed: bool) -> tuple[int, int]:
    """Lowest and highest word of ``width`` bits."""
    return (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)


def check_words(words: np.ndarray, width: int, *, signed: bool, what: str) -> np.ndarray:
    """The words as int64.

    Raises
    ------
    ValueError : no array of (sequences, length), no words, ones that are not integers, or out of
        the width's range
    """
    words = np.asarray(words)
    low, high = word_range(width, signed=signed)
    if words.ndim != 2 or words.size == 0:
        raise ValueError(
            f"{what} of shape {words.shape}: must be (sequences, length), at least (1, 1)"
        )
    if words.dtype.kind not in "iu":
        raise ValueError(
            f"{what} is {words.dtype}, begins with {words[0, 0]}: must be integers {low}..{high}"
        )
    for value in (int(words.min()), int(words.max())):
        if not low <= value <= high:
            raise ValueError(f"{what} has the value {value}, {width} bits hold {low}..{high}")
    return words.astype(np.int64)


def _pairs(index: np.ndarray, apart: int, n: int) -> np.ndarray:
    counts = np.bincount((index[:, :-apart] * n + index[:, apart:]).ravel(), minlength=n * n)
    shares: np.ndarray = counts.reshape(n, n) / counts.sum()
    return shares


def word_flips(statistics: WordStatistics, pairs: np.ndarray) -> float:
    """Flips of an operand's own bits where ``pairs`` tells which of its values follow which."""
    changed = (statistics.values[:, None] ^ statistics.values) & ((1 << statistics.width) - 1)
    return float((pairs * np.bitwise_count(changed)).sum())
