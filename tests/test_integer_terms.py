"""Weights as terms: exact, and never more of them than a search over all sums needs."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.integer.terms import encode, term_count

LARGEST = 200


def fewest(max_shift: int) -> dict[int, int]:
    """Fewest terms of every weight up to LARGEST, by breadth-first search over sums."""
    steps = [sign << shift if sign > 0 else -(1 << shift) for shift in range(max_shift + 1)
             for sign in (1, -1)]  # fmt: skip
    found, reached, count = {0: 0}, {0}, 0
    while reached:
        count += 1
        reached = {
            total + step
            for total in reached
            for step in steps
            # A shortest sum need never leave the range by more than one term.
            if abs(total + step) <= LARGEST + (1 << max_shift) and total + step not in found
        }
        found |= dict.fromkeys(reached, count)
    return found


@pytest.mark.parametrize("max_shift", range(9))
def test_terms_are_exact_and_fewest(max_shift: int) -> None:
    best = fewest(max_shift)
    for weight in range(-LARGEST, LARGEST + 1):
        terms = encode(weight, max_shift)
        assert sum(sign * 2**shift for sign, shift in terms) == weight
        assert all(sign in (-1, 1) and 0 <= shift <= max_shift for sign, shift in terms)
        assert len(terms) == best[weight], f"weight {weight}"
        assert [shift for _, shift in terms] == sorted(shift for _, shift in terms)


@pytest.mark.parametrize("weight", [-5, -1, 0, 1, 17])
def test_unary_is_the_weight_itself(weight: int) -> None:
    assert encode(weight, 0) == ((1 if weight > 0 else -1, 0),) * abs(weight)


def test_known_forms() -> None:
    assert encode(7, 3) == ((-1, 0), (1, 3))
    assert encode(-6, 3) in (((1, 1), (-1, 3)), ((-1, 1), (-1, 2)))
    assert encode(16, 3) == ((1, 3), (1, 3))


@pytest.mark.parametrize("max_shift", [0, 1, 3])
def test_count_of_an_array(max_shift: int, rng: np.random.Generator) -> None:
    weights = rng.integers(-20, 21, (4, 3, 3, 3))
    expected = sum(len(encode(int(weight), max_shift)) for weight in weights.flat)
    assert term_count(weights, max_shift) == expected
    if max_shift == 0:
        assert expected == np.abs(weights).sum()


def test_negative_shift_is_refused() -> None:
    with pytest.raises(ValueError, match="largest shift -1"):
        encode(3, -1)
