"""Requantisation by shift-adds: the one place where rounding is written down.

An accumulator ``a`` (bias included) becomes an unsigned activation

    y = min(max(floor(a * M / 2**S + 1/2), 0), q_max),      M = sum_t d_t 2**e_t,  d_t in {-1, 0, 1}

computed without a multiplier by a Horner scheme over the signed digits of M, lowest first:

    r <- floor((r + d_t * a) / 2**g_t)   for each step t, from r = 0
    y = clamp(floor((r + 1) / 2), 0, q_max)

Nested floors of integers equal one floor of the whole, so the result is exact: the steps keep one
fraction bit, and the last line rounds half up. Software and hardware both execute these steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["MAX_SHIFT", "MAX_STEPS", "Scale", "requantise"]

MAX_STEPS = 4
"""Most shift-add steps of one requantisation (program format and hardware)."""

MAX_SHIFT = 15
"""Largest right shift of one step."""


@dataclass(frozen=True)
class Scale:
    """A positive factor M / 2**S as shift-add steps.

    Attributes
    ----------
    steps : (digit, shift) pairs, digit in {-1, 0, 1}, shift in 0..MAX_SHIFT, at most MAX_STEPS
    """

    steps: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= MAX_STEPS:
            raise ValueError(f"{len(self.steps)} steps, must be 1..{MAX_STEPS}")
        for digit, shift in self.steps:
            if digit not in (-1, 0, 1) or not 0 <= shift <= MAX_SHIFT:
                raise ValueError(
                    f"step (digit {digit}, shift {shift}) must have a digit of -1, 0 or 1 "
                    f"and a shift of 0..{MAX_SHIFT}"
                )
        if self.value <= 0:
            raise ValueError(f"scale {self.value} must be positive")

    @cached_property
    def value(self) -> Fraction:
        """The exact factor from accumulator units to output units."""
        total = Fraction(0)
        for digit, shift in self.steps:
            total = (total + digit) / 2**shift
        return total / 2

    @classmethod
    def nearest(cls, factor: float, digits: int = 2) -> Scale:
        """The scale of at most ``digits`` signed digits that is nearest to ``factor``, greedily.

        Factors above 1 give 1: an accumulator has no more to tell than its own units.

        Raises
        ------
        ValueError : factor not above 2**-24, or digits outside 2..3
        """
        if not factor >= 2.0**-24:
            raise ValueError(f"factor {factor} must be at least 2**-24")
        if not 2 <= digits <= MAX_STEPS - 1:
            raise ValueError(f"{digits} digits, must be 2..{MAX_STEPS - 1}")
        rest = min(factor, 1.0)
        positions: list[tuple[int, int]] = []
        while rest != 0 and len(positions) < digits:
            exponent = min(_nearest_power(abs(rest)), -1)
            if positions and positions[0][1] - exponent > MAX_SHIFT:
                break
            positions.append((1 if rest > 0 else -1, exponent))
            rest -= math.copysign(2.0**exponent, rest)
        return cls(_steps(positions))


def _nearest_power(value: float) -> int:
    exponent = math.floor(math.log2(value))
    return exponent + 1 if value - 2.0**exponent > 2.0 ** (exponent + 1) - value else exponent


def _steps(positions: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Horner steps, lowest digit first, for digits at 2**exponent; one fraction bit is left."""
    ordered = sorted(positions, key=lambda item: item[1])
    following = [exponent for _, exponent in ordered[1:]] + [-1]
    steps: list[tuple[int, int]] = []
    for (digit, exponent), end in zip(ordered, following, strict=True):
        shift = end - exponent
        steps.append((digit, min(shift, MAX_SHIFT)))
        if shift > MAX_SHIFT:
            steps.append((0, shift - MAX_SHIFT))
    return tuple(steps)


def requantise(
    accumulator: torch.Tensor | np.ndarray, scale: Scale, q_max: int
) -> torch.Tensor | np.ndarray:
    """``clamp(floor(accumulator * scale + 1/2), 0, q_max)`` on int64, by the hardware's steps."""
    r = accumulator * 0
    for digit, shift in scale.steps:
        r = (r + digit * accumulator) >> shift
    return ((r + 1) >> 1).clip(0, q_max)
