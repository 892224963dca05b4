"""Terms in time: the weights of one output channel as bundles, one for each cycle of its core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.encoding import Encoding
from pann_hw.program.layout import NO_TERM, ahead_bits, bundle_fields, pack

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
    one operand stay together for the same reason. For unsigned accumulators windows are taken in
    groups, of each all terms of one sign and then those of the other, beginning with the sign
    of the last one, each after the one that it has most in common with among those of the
    oldest windows; a tile that ends with subtractions has a last bundle without terms.

    Parameters
    ----------
    weights : per window of the pass, in order
    encoding : one of the lane's
    """
    fields = bundle_fields(config)
    packed: list[int] = []
    position = 0
    cycles = _turns if config.unsigned else _cycles
    negative = False
    for base, terms in cycles(list(_terms(weights, encoding)), config):
        ahead = max(term[0] for term in terms if term is not None) - base
        while base - position + ahead >= _room(config):
            step = min(config.banks, base - position)
            packed.append(pack(fields, _record([], config, advance=step)))
            position += step
        record = _record(terms, config, advance=base - position, base=base)
        packed.append(pack(fields, record))
        position = base
        negative = config.unsigned and any(term[3] for term in terms if term is not None)
    if negative:
        packed.append(pack(fields, _record([], config, advance=0)))
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
    reach = min(1 << ahead_bits(config), max(2, config.window_slots // 4), _room(config))
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


def _turns(terms: list[Term], config: AcceleratorConfig) -> Iterator[tuple[int, list[Term | None]]]:
    """As :func:`_cycles`, all terms of a cycle having one sign, which changes seldom."""
    reach = min(_room(config), 3 * config.window_slots // 4)
    waiting = terms[::-1]
    negative = False
    last: Term | None = None
    while waiting:
        end = waiting[-1][0] + reach
        group: list[Term] = []
        while waiting and waiting[-1][0] < end:
            group.append(waiting.pop())
        for sign in (negative, not negative):
            of_sign = [term for term in group if term[3] == sign]
            while of_sign:
                base = min(term[0] for term in group)
                cycle: list[Term | None] = [None] * config.terms
                for place in range(min(config.terms, len(of_sign))):
                    # A window that is kept long makes those wait that there is no room for.
                    near = of_sign[0][0] + config.window_slots // 4
                    last = _nearest([term for term in of_sign if term[0] < near], last)
                    of_sign.remove(last)
                    group.remove(last)
                    cycle[place] = last
                yield base, cycle
                negative = sign


def _nearest(terms: Sequence[Term], last: Term | None) -> Term:
    """Of terms in order the first that changes the fewest lines of the operand select and shifter.

    Another window changes all lanes' operands and the lines that select it, another offset those
    operands and its own lines, another factor the lines of its bits.
    """
    if last is None:
        return terms[0]
    window, offset, factor, _ = last
    return min(
        terms,
        key=lambda term: (
            (2 if term[0] != window else int(term[1] != offset)) + (term[2] ^ factor).bit_count()
        ),
    )


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
