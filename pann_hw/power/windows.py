"""How the activations of a pooling's windows follow one another, in probabilities.

The statistics of an operand's sequences tell what follows what within a window. A pooling unit also
sees one window's end beside the next one's begin, and activations beside what is left of those
before them. In images these are far from independent, so they are measured, as sequences of two
words.
"""

from __future__ import annotations

import numpy as np

from pann_hw.power.statistics import WordStatistics

__all__ = ["check_windows", "follow", "pair_statistics"]

_SELDOM = 1e-9
"""Share of pairs that were never seen, so that something may follow every word."""


def check_windows(x: np.ndarray, size: int) -> None:
    """Raise ValueError where words are not windows of ``size`` each, (windows, size)."""
    if x.ndim != 2 or x.shape[1] != size:
        raise ValueError(f"x of shape {x.shape}: must be (windows, {size})")


def pair_statistics(
    width: int, **pairs: tuple[np.ndarray, np.ndarray]
) -> dict[str, WordStatistics]:
    """Statistics of words and of those after them, as sequences of two, by the pairs' names.

    Pairs of a single word, or no pairs at all, are left out: nothing flips between them.

    Parameters
    ----------
    width : bits of a word
    pairs : name -> words and the word after each, unsigned integers of equal shapes
    """
    result = {}
    for name, (before, after) in pairs.items():
        words = np.stack([before.ravel(), after.ravel()], 1)
        if len(np.unique(words)) > 1:
            result[name] = WordStatistics.of(words, width, what=name)
    return result


def follow(pairs: WordStatistics | None, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Probability of each word after each word, float64 (values, values), rows of sum 1.

    Parameters
    ----------
    pairs : their ``joint`` tells what follows what; None where nothing is known
    values : int64 (values,), ascending, all words of ``pairs`` among them
    otherwise : float64 (values,), what follows a word of which nothing is known
    """
    table = np.tile(_SELDOM * otherwise, (len(values), 1))
    if pairs is not None:
        at = np.searchsorted(values, pairs.values)
        table[np.ix_(at, at)] += pairs.joint
    rows: np.ndarray = table / table.sum(1, keepdims=True)
    return rows
