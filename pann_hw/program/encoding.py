"""Encodings: how the weights of a program become the terms of a lane, and what a term stands for.

A term is ± an operand times its *factor*. Lanes that add have no factor, those that shift have the
shift: ``w = sum of sign * 2**factor``. Those that multiply have a magnitude, ``w = sum of sign *
factor``; signed ones the bits below the sign of a two's complement number, whose sign bit is the
term's sign.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.terms import encode

__all__ = ["Encoding", "Products", "Shifts", "create_encoding", "encoding_names", "multiples"]

Factor = tuple[int, bool]
"""(factor, negative)."""


class Encoding:
    """The terms of weights, on one kind of lane."""

    @abstractmethod
    def terms(self, weight: int) -> tuple[Factor, ...]:
        """(factor, negative) of each term of a weight."""

    def count(self, weights: np.ndarray) -> int:
        """Terms of all weights together."""
        values, counts = np.unique(weights, return_counts=True)
        return sum(
            len(self.terms(int(value))) * int(count)
            for value, count in zip(values, counts, strict=True)
        )


@dataclass(frozen=True)
class Shifts(Encoding):
    """Additions and subtractions of shifted operands, the fewest that there are.

    Attributes
    ----------
    max_shift : 0 for unary, |w| terms
    """

    max_shift: int

    def terms(self, weight: int) -> tuple[Factor, ...]:
        """(shift, negative) of each term, lowest shift first."""
        return tuple((shift, sign < 0) for sign, shift in encode(weight, self.max_shift))


@dataclass(frozen=True)
class Products(Encoding):
    """A multiplication for each weight; a weight beyond the multiplier is a sum of several.

    A multiplier of b bits takes magnitudes up to ``2**b - 1``, a signed one ``-2**(b - 1)`` to
    ``2**(b - 1) - 1``. Of a weight that is larger, as that of a residual addition may be, all terms
    but the last have the largest factor of its sign.

    Attributes
    ----------
    bits : of the multiplier, its sign included where it is ``signed``
    zeros : whether a weight of 0 takes a term too
    """

    bits: int
    signed: bool
    zeros: bool

    def terms(self, weight: int) -> tuple[Factor, ...]:
        """(factor, negative) of each term, the largest first."""
        negative = weight < 0
        largest = (1 << self.bits - self.signed) - (not (negative and self.signed))
        whole, rest = divmod(abs(weight), largest)
        magnitudes = [largest] * whole + [rest] * (rest > 0 or (weight == 0 and self.zeros))
        return tuple((self._factor(magnitude, negative), negative) for magnitude in magnitudes)

    def _factor(self, magnitude: int, negative: bool) -> int:
        return -magnitude % (1 << self.bits - 1) if negative and self.signed else magnitude


def encoding_names(config: AcceleratorConfig) -> tuple[str, ...]:
    """The encodings that lanes can do, the usual one first.

    "csd", "unary": see :class:`Shifts`; "sparse", "dense": see :class:`Products`, without and with
    terms of weights of 0.
    """
    return {
        "unary": ("unary",),
        "csd": ("csd", "unary"),
        "mac": ("sparse", "dense"),
        "signed_mac": ("sparse", "dense"),
    }[config.lane]


def create_encoding(config: AcceleratorConfig, name: str) -> Encoding:
    """The encoding of that name for a configuration's lanes.

    Raises
    ------
    InputError : not one of :func:`encoding_names`
    """
    names = encoding_names(config)
    if name not in names:
        raise InputError(
            f"encoding {name!r}: must be one of {', '.join(names)} for lanes of kind {config.lane}"
        )
    if config.multiplier_width is not None:
        return Products(config.multiplier_width, config.signed, name == "dense")
    return Shifts(config.shift if name == "csd" else 0)


def multiples(config: AcceleratorConfig, factor: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """What terms multiply their operands by, as integers."""
    found: np.ndarray
    if config.signed:
        found = factor - (negative << config.factor_bits)
    else:
        found = (1 - 2 * negative) * (factor if config.multiplies else 1 << factor)
    return found
