"""Kinds of data to measure arithmetic units with.

Four: "uniform", the closed formulas' assumption; "gaussian"; "sparse", with the zeros of a ReLU;
and "recorded", a network's own, in :mod:`pann_hw.power.recorded`.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from pann_hw.power.source import Source, integer_weights

__all__ = ["SOURCES", "Gaussian", "Source", "Sparse", "Synthetic", "Uniform", "create_source"]


class Synthetic(Source):
    """Independent words of one distribution for activations and one for weights."""

    def _products(self, x_bits: int, w_bits: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        x = self._activations(rng, self.shape, x_bits, signed)
        return x, self._weights(rng, self.shape, w_bits, signed)

    def _weighted(self, x_bits: int, additions: float) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        x = self._activations(rng, self.shape, x_bits, signed=False)
        return x, integer_weights(self._real_weights(rng, self.shape), additions)

    def _sums(self, x_bits: int, additions: float) -> np.ndarray:
        """A channel a row, a pixel a column, each the sum of ``length`` products."""
        rng = np.random.default_rng(self.seed)
        w = integer_weights(self._real_weights(rng, self.shape), additions)
        pixels = length = self.shape[1]
        rows = [self._activations(rng, (pixels, length), x_bits, False) @ row for row in w]
        return np.stack(rows)

    def _windows(self, x_bits: int, size: int) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        count = max(1, self.shape[0] * self.shape[1] // size)
        return self._activations(rng, (count, size), x_bits, signed=False)

    def _pairs(self, x_bits: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        x = self._activations(rng, self.shape, x_bits, signed=False)
        return x, self._activations(rng, self.shape, x_bits, signed=False)

    @abstractmethod
    def _activations(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        """Activations, int64."""

    @abstractmethod
    def _weights(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        """Weights of a multiplier, int64."""

    @abstractmethod
    def _real_weights(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Weights before they are rounded, float64."""


class Uniform(Synthetic):
    """Activations and weights uniform over their whole range; real weights uniform in -1..1."""

    name = "uniform"

    def _activations(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        low = -(2 ** (bits - 1)) if signed else 0
        words: np.ndarray = rng.integers(low, low + 2**bits, shape)
        return words

    _weights = _activations

    def _real_weights(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.uniform(-1, 1, shape)


class Gaussian(Synthetic):
    """Normal activations and weights of mean 0, rounded and clipped.

    Their standard deviation is a third of the largest magnitude, ``2**(bits - 1)`` signed; unsigned
    words are magnitudes, up to ``2**bits - 1``. Real weights are normal too.
    """

    name = "gaussian"

    def _activations(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        return self._weights(rng, shape, bits, signed)

    def _weights(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        largest = 2 ** (bits - 1) if signed else 2**bits - 1
        values = rng.standard_normal(shape) * largest / 3
        if signed:
            words = np.floor(values + 0.5).clip(-largest, largest - 1)
        else:
            words = np.floor(np.abs(values) + 0.5).clip(0, largest)
        result: np.ndarray = words.astype(np.int64)
        return result

    def _real_weights(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.standard_normal(shape)


class Sparse(Gaussian):
    """Activations as after a ReLU: half of them 0, the others magnitudes of normal words.

    Signed ones are never negative either, so that they use half of the range. They are rounded up:
    the ReLU alone makes zeros, at every width. Weights are those of :class:`Gaussian`.
    """

    name = "sparse"

    def _activations(
        self, rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
    ) -> np.ndarray:
        largest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
        values = rng.standard_normal(shape) * largest / 3
        words: np.ndarray = np.ceil(values).clip(0, largest).astype(np.int64)
        return words


_SYNTHETIC: dict[str, type[Synthetic]] = {kind.name: kind for kind in (Uniform, Gaussian, Sparse)}

SOURCES = (*_SYNTHETIC, "recorded")
"""Names of all kinds of data."""


def create_source(name: str, seed: int = 0, sequences: int = 512, length: int = 64) -> Source:
    """A source by its name; "recorded" trains the digits network first, in about 12 seconds.

    Raises
    ------
    ValueError : an unknown name, or a parameter that is not allowed for a :class:`Source`
    ToolError : scikit-learn, which "recorded" needs, is not installed
    """
    if name in _SYNTHETIC:
        return _SYNTHETIC[name](seed, sequences, length)
    if name not in SOURCES:
        raise ValueError(f"source {name!r}: must be one of {', '.join(SOURCES)}")
    # It loads torch, which the others do without.
    from pann_hw.power.recorded import digits_source

    return digits_source(seed, sequences, length)
