"""Expected flips of nets that are functions of two operands, from the operands' statistics.

A net f of operands x and w flips between two operations with probability

    P(f(x, w) != f(x', w')) = E[f] + E[f'] - 2 sum_{x,x',w,w'} P(x, x') P(w, w') f(x, w) f(x', w')

where P(x, x') and P(w, w') are the probabilities of successive words. That the two operands are
independent of each other is the only assumption: reconvergent paths and correlated bits, which make
gate-by-gate propagation of rates wrong, are inside the table of f and in the words' statistics.
"""

from __future__ import annotations

import numpy as np

__all__ = ["flips_across", "flips_to", "flips_within"]

_MOST_EXACT = 2**20
"""Entries of a table up to which all is float64; of larger ones, products of float32, which halve
the time, err by about 1e-7 flips a net."""


def flips_across(
    before: np.ndarray, after: np.ndarray, x_pairs: np.ndarray, w_pairs: np.ndarray
) -> np.ndarray:
    """Flips of each net from one operation to the next, float64 (nets,).

    Parameters
    ----------
    before, after : bool (x values, w values, nets), what a net is at the end of an operation and
        at the beginning of the next; the same table where an operation is one cycle
    x_pairs, w_pairs : float64 (values, values), probability of a word and its successor
    """
    exact = before.size <= _MOST_EXACT
    x_table, w_table = (
        pairs if exact else pairs.astype(np.float32) for pairs in (x_pairs, w_pairs)
    )
    flips = np.empty(before.shape[-1])
    # Net after net: all tables at once would not fit the processor's caches.
    for net in range(len(flips)):
        f = before[..., net].astype(x_table.dtype)
        g = after[..., net].astype(x_table.dtype)
        f_rate = x_pairs.sum(1) @ f @ w_pairs.sum(1)
        g_rate = x_pairs.sum(0) @ g @ w_pairs.sum(0)
        flips[net] = f_rate + g_rate - 2 * np.vdot(x_table.T @ f @ w_table, g)
    return flips


def flips_within(before: np.ndarray, after: np.ndarray, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Flips of each net between two cycles of one operation, float64 (nets,).

    Parameters
    ----------
    before, after : bool (x values, w values, nets)
    x, w : float64 (values,), probability of each word
    """
    flips: np.ndarray = np.einsum(
        "x,xwn,w->n", x, (before != after).astype(np.float64), w, optimize=True
    )
    return flips


def flips_to(table: np.ndarray, rest: np.ndarray, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Flips of each net between an operation and a state of rest, float64 (nets,).

    Parameters
    ----------
    table : bool (x values, w values, nets)
    rest : bool (nets,), the nets at rest
    x, w : float64 (values,), probability of each word
    """
    return flips_within(table, np.broadcast_to(rest, table.shape), x, w)
