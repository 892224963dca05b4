"""Integer weights as terms: the additions and subtractions of shifted activations.

``w = sum_t sign_t * 2**shift_t``. Unary is the paper's encoding: |w| terms without a shift. CSD is
the signed-digit form of fewest terms; what lies above the lane's largest shift is repeated at that
shift, so unary is CSD with a largest shift of 0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["ENCODINGS", "Term", "encode", "term_count"]

ENCODINGS = ("unary", "csd")

Term = tuple[int, int]
"""(sign, shift), sign in {-1, 1}."""


@lru_cache(maxsize=65536)
def encode(weight: int, max_shift: int) -> tuple[Term, ...]:
    """The fewest terms of one weight, lowest shift first; unary for ``max_shift`` 0.

    Raises
    ------
    ValueError : max_shift below 0
    """
    if max_shift < 0:
        raise ValueError(f"largest shift {max_shift}, must be at least 0")
    return _encode(weight, 0, max_shift)


@lru_cache(maxsize=65536)
def _encode(rest: int, shift: int, max_shift: int) -> tuple[Term, ...]:
    """Terms of ``rest * 2**shift``: a digit of -1, 0, 1 at each shift, repeated at the largest."""
    if shift == max_shift:
        return ((1 if rest > 0 else -1, shift),) * abs(rest)
    if rest % 2 == 0:
        return _encode(rest // 2, shift + 1, max_shift)
    return min(
        (
            ((digit, shift), *_encode((rest - digit) // 2, shift + 1, max_shift))
            for digit in (1, -1)
        ),
        key=len,
    )


def term_count(weights: np.ndarray, max_shift: int) -> int:
    """Terms of all weights together; ``sum(|w|)`` for ``max_shift`` 0."""
    values, counts = np.unique(weights, return_counts=True)
    return sum(
        len(encode(int(value), max_shift)) * int(count)
        for value, count in zip(values, counts, strict=True)
    )
