"""Terms in time: the weights of one output channel as bundles, one for each cycle of its core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.encoding import Encoding
from pann_hw.program.layout import AHEAD_BITS, NO_TERM, bundle_fields, pack

__all__ = ["Term", "WeightWindow", "bundles"]

WeightWindow = Sequence[tuple[int, int]]
"""(offset, weight) of the taps of one window; empty where the channel does not use it."""

Term = tuple[int, int, int, bool]
"""(window, offset, factor, negative)."""


def bundles(
    weights: Sequence[WeightWindow], config: AcceleratorConfig, encoding: Encoding
) -> np.ndarray:
    """Packed bundles (uint64) of one tile.

    Every cycle takes as many terms as the lane adds at once, out of the first few windows of which
    some are left. With two rails positive terms go to the first and negative ones to
    the second as long as there are such within reach: a sign that stays flips no bits. Terms of
    one operand stay together for the same reason.

    Parameters
    ----------
    weights : per window of the pass, in order
    encoding : one of the lane's
    """
    fields = bundle_fields(config)
    packed: list[int] = []
    position = 0
    for base, terms in _cycles(list(_terms(weights, encoding)), config):
        ahead = max(term[0] for term in terms if term is not None) - base
        while base - position + ahead >= _room(config):
            step = min(config.banks, base - position)
            packed.append(pack(fields, _record([], config, advance=step)))
            position += step
        record = _record(terms, config, advance=base - position, base=base)
        packed.append(pack(fields, record))
        position = base
    # The core goes on to the next tile's windows with the last bundle: not beyond those buffered.
    while not packed or len(weights) - position > config.window_slots:
        step = min(config.banks, len(weights) - position - 1)
        packed.append(pack(fields, _record([], config, advance=step)))
        position += step
    packed[-1] |= 1
    return np.array(packed, np.uint64)


def _room(config: AcceleratorConfig) -> int:
    """Windows that are sure to be buffered: a group is fetched only when there is room for all."""
    return config.window_slots - config.banks + 1


def _terms(weights: Sequence[WeightWindow], encoding: Encoding) -> Iterator[Term]:
    for window, taps in enumerate(weights):
        for offset, weight in taps:
            for factor, negative in encoding.terms(int(weight)):
                yield window, offset, factor, negative


def _cycles(
    terms: list[Term], config: AcceleratorConfig
) -> Iterator[tuple[int, list[Term | None]]]:
    """For each cycle the first window that is still needed, and a term, or None, for each place."""
    places = config.terms
    # A bundle that reaches far holds many windows while others wait for room.
    reach = min(1 << AHEAD_BITS, max(2, config.window_slots // 4), _room(config))
    waiting = terms[::-1]
    near: list[Term] = []
    while near or waiting:
        base = near[0][0] if near else waiting[-1][0]
        while waiting and waiting[-1][0] < base + reach:
            near.append(waiting.pop())
        cycle: list[Term | None] = [None] * places
        for place in range(places):
            negative = config.rails == 2 and place % 2 == 1
            found = next((one for one in near if one[3] == negative), None)
            if found is not None:
                cycle[place] = found
                near.remove(found)
        for place in range(places):
            if cycle[place] is None and near:
                cycle[place] = near.pop(0)
        yield base, cycle


def _record(
    terms: Sequence[Term | None], config: AcceleratorConfig, *, advance: int, base: int = 0
) -> dict[str, int]:
    record = {"advance": advance}
    for place in range(config.terms):
        term = terms[place] if place < len(terms) else None
        if term is None:
            record[f"offset{place}"] = NO_TERM
            continue
        window, offset, factor, negative = term
        record |= {
            f"offset{place}": offset,
            f"ahead{place}": window - base,
            f"negative{place}": int(negative),
        }
        if config.factor_bits:
            record[f"factor{place}"] = factor
    return record
