"""Closed formulas for words that are multiples c a of a uniform signed word a.

A net that is one multiple after another of the same a flips less than one that gets new words, or
more where the multiples have two signs. Derived here; the factors c are exact, rounding is left
out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

__all__ = ["clamped_flips", "multiple_flips"]


def multiple_flips(factors: Sequence[Fraction], bits: int, width: int) -> float:
    """Flips of a net that is ``c a`` for each factor c in turn, then the same of the next a.

    Between two words of which one is 0, or which are of independent a: ``0.5 width``, the sign's
    extension included. Between multiples c and c' of one a, with ``s = bits + log2 max(|c|, |c'|)``
    significant bits: ``0.5 s``, and all ``width - s`` bits of the sign where c and c' have two;
    none where ``c = c'``, all ``width`` where ``c = -c'``, the complement.

    Parameters
    ----------
    factors : c of each cycle, or 0
    bits : of a
    width : of the net
    """
    total = 0.5 * width if factors[-1] or factors[0] else 0.0
    for before, after in pairwise(factors):
        if before == after:
            continue
        if before == -after:
            total += width
        elif not before * after:
            total += 0.5 * width
        else:
            largest = float(max(abs(before), abs(after)))
            significant = min(max(bits + math.log2(largest), 0.0), width)
            total += 0.5 * significant + (width - significant if before * after < 0 else 0.0)
    return total


def clamped_flips(factors: Sequence[Fraction], bits: int, clamped_bits: int) -> float:
    """Flips of ``clamp(c a, 0, q_max)`` for each factor c in turn, then of the next a.

    Half of the words are negative and give 0. Of the others the share ``u = min(1, q_max / (|c|
    2**(bits - 1)))`` stays below ``q_max = 2**clamped_bits - 1`` and is taken as uniform, so that a
    bit is 1 at a rate of ``p = 0.5 (1 - u / 2)``. From one a to the next it flips at a rate of
    ``p (1 - p') + p' (1 - p)``; between multiples of one a, of two signs, ``p + p'``, and of one
    sign ``max(u, u') / 4``.

    Parameters
    ----------
    factors : c of each cycle, never 0
    bits : of a
    clamped_bits : of the result
    """
    reached = (2.0**clamped_bits - 1) / 2.0 ** (bits - 1)
    below = [min(1.0, reached / abs(float(c))) for c in factors]
    ones = [0.5 * (1 - 0.5 * share) for share in below]
    rate = ones[-1] * (1 - ones[0]) + ones[0] * (1 - ones[-1])
    for k, (before, after) in enumerate(pairwise(factors)):
        if before * after < 0:
            rate += ones[k] + ones[k + 1]
        elif before != after:
            rate += 0.25 * max(below[k], below[k + 1])
    return clamped_bits * rate
