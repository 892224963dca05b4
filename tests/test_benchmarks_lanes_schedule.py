"""Schedules of lanes: every weight comes back from its terms, and terms keep to their places."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.lanes_schedule import ORDERS, Schedule, Term, by_place, by_sign, terms_of
from pann_hw.program.encoding import Encoding, Products, Shifts

WINDOWS = 14


@pytest.fixture
def weights(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-9, 10, (WINDOWS, 3)) * rng.integers(0, 2, (WINDOWS, 3))


def returned(schedule: Schedule, *, shifts: bool) -> np.ndarray:
    """The weights of which a schedule has the terms."""
    found = np.zeros((WINDOWS, 3), np.int64)
    for term in (term for cycle in schedule for term in cycle if term is not None):
        factor = 1 << term.factor if shifts else term.factor
        found[term.window, term.offset] += -factor if term.negative else factor
    return found


@pytest.mark.parametrize("encoding", [Shifts(3), Shifts(0), Products(4, False, False)])
@pytest.mark.parametrize("signs", ["any", "preferred", "kept"])
@pytest.mark.parametrize("places", [1, 2, 4])
def test_terms_by_place_are_those_of_the_weights(
    encoding: Encoding, signs: str, places: int, weights: np.ndarray
) -> None:
    if (signs, places) == ("kept", 1):
        pytest.skip("a place for each sign takes two")
    terms = list(terms_of(weights, encoding))
    cycles = by_place(terms, places, signs=signs)
    assert (returned(cycles, shifts=isinstance(encoding, Shifts)) == weights).all()
    for cycle in cycles:
        assert len(cycle) == places
        chosen = [term for term in cycle if term is not None]
        assert max(t.window for t in chosen) - min(t.window for t in chosen) < 2
        if signs == "kept":
            assert all(t is None or t.negative == place % 2 for place, t in enumerate(cycle))


def test_a_sign_prefers_its_place() -> None:
    terms = [Term(0, 0, 0, True), Term(0, 1, 0, False), Term(1, 0, 0, True), Term(1, 1, 0, True)]
    assert by_place(terms, 2, signs="preferred") == [(terms[1], terms[0]), (terms[3], terms[2])]
    assert by_place(terms, 2, signs="kept") == [
        (terms[1], terms[0]),
        (None, terms[2]),
        (None, terms[3]),
    ]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("places", [1, 2])
@pytest.mark.parametrize("group", [2, 4, 12])
def test_terms_by_sign_turn_twice_a_group_at_most(
    group: int, places: int, order: str, weights: np.ndarray
) -> None:
    cycles = by_sign(list(terms_of(weights, Shifts(3))), places, group=group, order=order)
    assert (returned(cycles, shifts=True) == weights).all()
    signs: list[bool] = []
    groups: list[int] = []
    for cycle in cycles:
        chosen = [term for term in cycle if term is not None]
        assert len({term.negative for term in chosen}) <= 1
        assert len({term.window // group for term in chosen}) <= 1
        signs.append(bool(chosen) and chosen[0].negative)
        groups.append(chosen[0].window // group if chosen else groups[-1])
    assert groups == sorted(groups)
    assert not signs[-1]
    turns = sum(one != other for one, other in pairwise(signs))
    assert turns <= len(set(groups)) + 1


def test_a_schedule_that_ends_with_negative_terms_is_negated() -> None:
    terms = [Term(0, 0, 1, False), Term(0, 1, 1, True)]
    assert by_sign(terms, 2, group=4) == [(terms[0], None), (terms[1], None), (None, None)]
    assert by_sign(terms[:1], 1, group=4) == [(terms[0],)]


def test_terms_are_sorted_within_sign_and_group() -> None:
    terms = [Term(0, 0, 2, False), Term(0, 1, 0, False), Term(1, 0, 1, False)]
    factors = [cycle[0].factor for cycle in by_sign(terms, 1, group=2, order="factor") if cycle[0]]
    assert factors == [0, 1, 2]
    offsets = [cycle[0].offset for cycle in by_sign(terms, 1, group=2, order="offset") if cycle[0]]
    assert offsets == [0, 0, 1]
