"""Expected flips of the steps that an accumulator's lower bits pass on to its upper ones.

A step is ``floor((u + d) / 2**low_bits)``, u the register's low bits and d the addend. With
``d = (q + r) 2**low_bits``, q whole and 0 <= r < 1, it is q or q + 1.
"""

from __future__ import annotations

import numpy as np

from pann_hw.power.staged_walk import StagedWalk

__all__ = ["Steps", "fitted", "step_pairs"]

_FITTING_ROUNDS = 4


def step_pairs(words: np.ndarray, joint: np.ndarray, low_bits: int) -> tuple[int, np.ndarray]:
    """Successive steps where the low bits u are uniform.

    So are they then after an addition, ``v = (u + d) mod 2**low_bits``: the step was q + 1 if
    ``v < r 2**low_bits``, and the one that follows is q' + 1 if ``v >= (1 - r') 2**low_bits``. Both
    are with probability ``max(r + r' - 1, 0)``.

    Parameters
    ----------
    words : float64 or int64 (n,), the addends d
    joint : float64 (n, n), probability of two successive addends
    low_bits : 0 or more

    Returns
    -------
    tuple : the lowest step, and float64 (steps, steps), probability of two successive ones
    """
    order = np.argsort(words)
    scaled = words[order] / 2.0**low_bits
    joint = joint[np.ix_(order, order)]
    whole = np.floor(scaled)
    part = scaled - whole
    steps, begins = np.unique(whole.astype(np.int64), return_index=True)
    lowest = int(steps[0])
    places = steps - lowest
    size = int(places[-1]) + 2

    def by_step(table: np.ndarray) -> np.ndarray:
        sums: np.ndarray = np.add.reduceat(np.add.reduceat(table, begins, 0), begins, 1)
        return sums

    both = by_step(joint * np.maximum(part[:, None] + part - 1, 0))
    before = by_step(joint * part[:, None]) - both
    after = by_step(joint * part) - both
    neither = by_step(joint) - before - after - both
    result = np.zeros((size, size))
    for share, first, second in ((neither, 0, 0), (before, 1, 0), (after, 0, 1), (both, 1, 1)):
        result[np.ix_(places + first, places + second)] += share
    return lowest, result


class Steps:
    """Steps of a sequence of additions.

    The first is of an addend alone, as the register is 0. The others are as often as a walk has
    them, which knows how the low bits are distributed. How they follow each other is added, from
    where the low bits are uniform, and fitted to that.

    Parameters
    ----------
    walked : split at the upper bits
    first, shares : first steps and their probabilities
    """

    def __init__(self, walked: StagedWalk, first: np.ndarray, shares: np.ndarray) -> None:
        size = len(walked.steps)
        self._lowest = walked.lowest
        self._first = np.bincount(first - walked.lowest, shares, size)
        self._later = (walked.additions * walked.steps - self._first).clip(0)
        self._last = np.zeros(size)
        self._pairs = np.zeros((size, size))

    def add(self, lowest: int, pairs: np.ndarray, share: float, ending: float) -> None:
        """Add successive steps, see :func:`step_pairs`.

        Parameters
        ----------
        share : of all pairs
        ending : share of the sequences that end so
        """
        places = np.arange(len(pairs)) + lowest - self._lowest
        self._pairs[np.ix_(places, places)] += share * pairs
        self._last[places] += ending * pairs.sum(1)

    def inside(self, width: int) -> float:
        """Flips between successive steps of ``width`` bits."""
        number = self._later.sum()
        if not number:
            return 0.0
        before = (self._first + self._later - self._last).clip(0)
        pairs = fitted(self._pairs, before / before.sum(), self._later / number)
        steps = self._lowest + np.arange(len(pairs))
        changed = (steps[:, None] ^ steps) & ((1 << width) - 1)
        return float((pairs * np.bitwise_count(changed)).sum())

    def ends(self, width: int) -> float:
        """Flips of the first and the last step, from 0 and back."""
        steps = self._lowest + np.arange(len(self._first))
        return float((self._first + self._last) @ np.bitwise_count(steps & ((1 << width) - 1)))


def fitted(joint: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The table nearest to ``joint`` whose rows add up to ``before`` and its columns to ``after``.

    By iterative proportional fitting, which keeps the odds of the table (Deming and Stephan, Annals
    of Mathematical Statistics 11, 1940).
    """
    rows = columns = np.ones(len(joint))
    for _ in range(_FITTING_ROUNDS):
        rows = _quotient(before, joint @ columns)
        columns = _quotient(after, rows @ joint)
    result: np.ndarray = rows[:, None] * joint * columns
    return result


def _quotient(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.divide(wanted, found, out=np.zeros_like(found), where=found > 0)
    return result
