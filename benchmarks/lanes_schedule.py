"""Terms in time: which terms a core's lanes add in each cycle of a tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.program.encoding import Encoding

__all__ = ["ORDERS", "Cycle", "Schedule", "Term", "by_place", "by_sign", "terms_of"]


@dataclass(frozen=True)
class Term:
    """A weight, or a part of it: ± the factor, times what ``window`` has beside each lane.

    ``offset`` 0 is the left neighbour, 1 the lane's own pixel, 2 the right one.
    """

    window: int
    offset: int
    factor: int
    negative: bool


Cycle = tuple[Term | None, ...]
"""A term for each place of the lanes, None for none."""

Schedule = Sequence[Cycle]

ORDERS: dict[str, Callable[[Term], tuple[int, ...]]] = {
    "window": lambda term: (term.window, term.offset),
    "factor": lambda term: (term.factor, term.window, term.offset),
    "offset": lambda term: (term.offset, term.window),
}
"""By which terms of one sign are sorted within a group."""


def terms_of(weights: np.ndarray, encoding: Encoding) -> Iterator[Term]:
    """The terms of weights (windows, 3), in their order."""
    for window, taps in enumerate(weights):
        for offset, weight in enumerate(taps):
            for factor, negative in encoding.terms(int(weight)):
                yield Term(window, offset, factor, negative)


def by_place(
    terms: Sequence[Term], places: int, *, reach: int = 2, signs: str = "any"
) -> list[Cycle]:
    """Every cycle the next terms of the first windows of which some are left.

    Parameters
    ----------
    terms : in the order of their windows
    places : terms of a cycle
    reach : windows that terms are taken from at a time
    signs : "any"; "preferred": even places take positive terms and odd ones negative ones, as long
        as there are such within reach; "kept": they take no others
    """
    waiting = list(reversed(terms))
    near: list[Term] = []
    cycles = []
    while near or waiting:
        base = near[0].window if near else waiting[-1].window
        while waiting and waiting[-1].window < base + reach:
            near.append(waiting.pop())
        cycle: list[Term | None] = [None] * places
        if signs != "any":
            for place in range(places):
                found = next((one for one in near if one.negative == place % 2), None)
                if found is not None:
                    cycle[place] = found
                    near.remove(found)
        if signs != "kept":
            for place in range(places):
                if cycle[place] is None and near:
                    cycle[place] = near.pop(0)
        cycles.append(tuple(cycle))
    return cycles


def by_sign(
    terms: Sequence[Term], places: int, *, group: int, order: str = "window"
) -> list[Cycle]:
    """Of each group of windows all terms of one sign, then those of the other.

    A group begins with the sign with which the last one ended. A schedule that ends with negative
    terms has a last cycle without terms, in which the sums are negated.

    Parameters
    ----------
    terms : in the order of their windows
    places : terms of a cycle, all of one sign
    group : windows
    order : a key of :data:`ORDERS`
    """
    cycles: list[Cycle] = []
    negative = False
    groups: dict[int, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.window // group, []).append(term)
    for members in groups.values():
        for sign in (negative, not negative):
            chosen = sorted((t for t in members if t.negative == sign), key=ORDERS[order])
            for first in range(0, len(chosen), places):
                part = chosen[first : first + places]
                cycles.append((*part, *(None,) * (places - len(part))))
                negative = sign
    if negative:
        cycles.append((None,) * places)
    return cycles
