"""Expected flips of the carries that reach an accumulator's upper bits."""

from __future__ import annotations

import numpy as np

__all__ = ["carry_flips"]


def carry_flips(words: np.ndarray, joint: np.ndarray, low_bits: int, width: int) -> float:
    """Flips of the step ``floor((u + d) / 2**low_bits)`` that goes to an accumulator's upper bits.

    With ``d = (q + r) 2**low_bits``, q whole and 0 <= r < 1, a step is q or q + 1. Where the low
    bits u are uniform, so are they after it, ``v = (u + d) mod 2**low_bits``; the step was q + 1 if
    ``v < r 2**low_bits``, and the one that follows is q' + 1 if ``v >= (1 - r') 2**low_bits``: both
    with probability ``max(r + r' - 1, 0)``.

    Parameters
    ----------
    words : float64 or int64 (n,), the addends d
    joint : float64 (n, n), probability of two successive addends
    low_bits : 0 or more
    width : bits that the step is extended to
    """
    order = np.argsort(words)
    scaled = words[order] / 2.0**low_bits
    joint = joint[np.ix_(order, order)]
    whole = np.floor(scaled)
    part = scaled - whole
    steps, begins = np.unique(whole.astype(np.int64), return_index=True)

    def by_step(table: np.ndarray) -> np.ndarray:
        sums: np.ndarray = np.add.reduceat(np.add.reduceat(table, begins, 0), begins, 1)
        return sums

    both = by_step(joint * np.maximum(part[:, None] + part - 1, 0))
    before = by_step(joint * part[:, None]) - both
    after = by_step(joint * part) - both
    neither = by_step(joint) - before - after - both
    mask = (1 << width) - 1
    return sum(
        float(
            (share * np.bitwise_count(((steps[:, None] + first) ^ (steps + second)) & mask)).sum()
        )
        for share, first, second in ((neither, 0, 0), (before, 1, 0), (after, 0, 1), (both, 1, 1))
    )
