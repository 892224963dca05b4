"""One interface for the data that arithmetic units are measured with: integer operands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from pann_hw.power.unit import check_width
from pann_hw.quantise.weights import quantise_weights, weight_step

__all__ = ["MOST_ADDITIONS", "Source", "integer_weights"]

MOST_ADDITIONS = 128
"""Largest R: weights then have more than 8 bits."""


class Source(ABC):
    """Operands of one kind of data, int64 (sequences, length), the same for the same seed.

    Parameters
    ----------
    seed : of all that is drawn at random, 0..2**32 - 1
    sequences, length : operands that a method returns, 1..2**20 rows of 2..2**16

    Members
    -------
    name : one of :data:`pann_hw.power.sources.SOURCES`

    Raises
    ------
    ValueError : a parameter out of its range, here and in all methods
    """

    name: ClassVar[str]

    def __init__(self, seed: int = 0, sequences: int = 512, length: int = 64) -> None:
        check_width("seed", seed, 0, 2**32 - 1)
        check_width("sequences", sequences, 1, 2**20)
        check_width("length", length, 2, 2**16)
        self._seed, self._shape = seed, (sequences, length)

    @property
    def seed(self) -> int:
        """Of all that is drawn at random."""
        return self._seed

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences and their length, as asked for."""
        return self._shape

    def products(self, x_bits: int, w_bits: int, signed: bool) -> dict[str, np.ndarray]:
        """Operands of multiplications, a row for each result: "x" activations, "w" weights.

        Parameters
        ----------
        x_bits, w_bits : 2..8
        signed : both in two's complement; else both unsigned, and w are the magnitudes, whose
            positive and negative products are added separately
        """
        check_width("x_bits", x_bits, 2, 8)
        check_width("w_bits", w_bits, 2, 8)
        x, w = self._products(x_bits, w_bits, signed)
        return {"x": x, "w": w}

    def addends(self, bits: int, signed: bool) -> dict[str, np.ndarray]:
        """What an accumulator adds, "d": products of operands of half the bits each.

        Parameters
        ----------
        bits : 4..16; of an odd number the activations have the larger half
        signed : as of :meth:`products`
        """
        check_width("bits", bits, 4, 16)
        x, w = self._products(bits - bits // 2, bits // 2, signed)
        return {"d": x * w}

    def weighted(self, x_bits: int, additions: float) -> dict[str, np.ndarray]:
        """Operands of PANN: "x" unsigned activations, "w" signed integer weights.

        ``w = floor(v / gamma + 1/2)`` of real weights v, with ``gamma = ||v||_1 / (R d)``.

        Parameters
        ----------
        x_bits : 2..8
        additions : R, mean |w|, above 0 and at most 128
        """
        check_width("x_bits", x_bits, 2, 8)
        _check_additions(additions)
        x, w = self._weighted(x_bits, additions)
        return {"x": x, "w": w}

    def sums(self, x_bits: int, additions: float, width: int) -> dict[str, np.ndarray]:
        """Finished accumulators, "a", of operands as :meth:`weighted` has them.

        As a lane meets them: one output pixel after another of one channel, then the next channel.

        Parameters
        ----------
        x_bits, additions : as of :meth:`weighted`
        width : signed bits, 2..64, that must hold every sum
        """
        check_width("x_bits", x_bits, 2, 8)
        _check_additions(additions)
        check_width("width", width, 2, 64)
        a = self._sums(x_bits, additions)
        low, high = int(a.min()), int(a.max())
        needed = max(high, -low - 1).bit_length() + 1
        if needed > width:
            raise ValueError(
                f"width = {width}: sums of {x_bits}-bit activations at R = {additions:g} reach "
                f"{low}..{high}, must be {needed}..64"
            )
        return {"a": a}

    def windows(self, x_bits: int, size: int) -> dict[str, np.ndarray]:
        """Windows that a pooling takes, "x": unsigned activations (windows, size).

        Parameters
        ----------
        x_bits : 2..8
        size : values of a window, 2..64
        """
        check_width("x_bits", x_bits, 2, 8)
        check_width("size", size, 2, 64)
        return {"x": self._windows(x_bits, size)}

    def pairs(self, x_bits: int) -> dict[str, np.ndarray]:
        """Both operands of residual additions, "x" and "y": unsigned, pixel after pixel.

        Parameters
        ----------
        x_bits : 2..8
        """
        check_width("x_bits", x_bits, 2, 8)
        x, y = self._pairs(x_bits)
        return {"x": x, "y": y}

    @abstractmethod
    def _products(self, x_bits: int, w_bits: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Activations and weights."""

    @abstractmethod
    def _weighted(self, x_bits: int, additions: float) -> tuple[np.ndarray, np.ndarray]:
        """Unsigned activations and integer weights."""

    @abstractmethod
    def _sums(self, x_bits: int, additions: float) -> np.ndarray:
        """Finished accumulators, as wide as they get."""

    @abstractmethod
    def _windows(self, x_bits: int, size: int) -> np.ndarray:
        """Unsigned activations, a window a row."""

    @abstractmethod
    def _pairs(self, x_bits: int) -> tuple[np.ndarray, np.ndarray]:
        """Unsigned activations, twice."""


def integer_weights(weights: np.ndarray, additions: float) -> np.ndarray:
    """Real weights of any shape as integers of R = ``additions`` on average, int64.

    Raises
    ------
    ValueError : weights that are all 0, or become so at so small an R
    """
    _check_additions(additions)
    norm = float(np.abs(weights).sum(dtype=np.float64))
    if norm == 0:
        raise ValueError(f"all {weights.size} weights are 0: one at least must not be")
    result = quantise_weights(weights, weight_step(norm, weights.size, additions))
    if not result.any():
        raise ValueError(
            f"additions = {additions:g}: all weights round to 0, must be more and at most "
            f"{MOST_ADDITIONS}"
        )
    return result


def _check_additions(additions: float) -> None:
    if not 0 < additions <= MOST_ADDITIONS:
        raise ValueError(f"additions = {additions}: must be above 0 and at most {MOST_ADDITIONS}")
