"""Requantisation against exact fractions; the nearest scale against all scales."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch

from pann_hw.integer.requantise import MAX_SHIFT, MAX_STEPS, Scale, requantise


def random_scale(rng: np.random.Generator) -> Scale:
    """Any scale that the steps can express."""
    while True:
        count = int(rng.integers(1, MAX_STEPS + 1))
        steps = tuple(
            (int(rng.integers(-1, 2)), int(rng.integers(0, MAX_SHIFT + 1))) for _ in range(count)
        )
        try:
            return Scale(steps)
        except ValueError:
            continue


def rounded(value: int, factor: Fraction, q_max: int) -> int:
    """``clamp(floor(value * factor + 1/2), 0, q_max)`` in exact fractions."""
    return min(max(math.floor(value * factor + Fraction(1, 2)), 0), q_max)


def factor_of(scale: Scale) -> Fraction:
    """M / 2**S from the definition: each digit is divided by all shifts from its own on."""
    total = Fraction(0)
    for index, (digit, _) in enumerate(scale.steps):
        total += Fraction(digit, 2 ** sum(shift for _, shift in scale.steps[index:]))
    return total / 2


def test_steps_equal_the_formula(rng: np.random.Generator) -> None:
    for _ in range(300):
        scale = random_scale(rng)
        assert scale.value == factor_of(scale)
        q_max = int(rng.integers(1, 256))
        width = int(rng.integers(2, 33))
        sums = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), 40)
        # The values on both sides of a rounding step are where an error would show.
        edges = [math.floor((k + Fraction(1, 2)) / scale.value) for k in range(-2, 6)]
        sums = np.concatenate([sums, edges, np.array(edges) + 1])
        expected = [rounded(int(value), scale.value, q_max) for value in sums]
        assert requantise(sums, scale, q_max).tolist() == expected
        assert requantise(torch.from_numpy(sums), scale, q_max).tolist() == expected


def all_values(digits: int, lowest: int) -> np.ndarray:
    """Every factor of at most so many signed digits at 2**-1 .. 2**lowest."""
    powers = [0.0] + [sign * 2.0**e for e in range(lowest, 0) for sign in (1, -1)]
    return np.array([sum(choice) for choice in product(powers, repeat=digits)])


@pytest.mark.parametrize(("digits", "lowest"), [(2, -14), (3, -11)])
def test_nearest_is_nearest(digits: int, lowest: int, rng: np.random.Generator) -> None:
    values = np.unique(all_values(digits, lowest))
    for factor in 2.0 ** rng.uniform(-7, 0, 300):
        error = abs(float(Scale.nearest(factor, digits).value) - factor)
        assert error <= np.abs(values - factor).min() * (1 + 1e-9), f"factor {factor}"


@pytest.mark.parametrize("digits", [2, 3])
def test_nearest_bounds(digits: int, rng: np.random.Generator) -> None:
    # Each digit leaves at most a third, below 2/3: the largest digit is 1/2.
    for factor in 2.0 ** rng.uniform(-24, -0.6, 500):
        scale = Scale.nearest(factor, digits)
        assert abs(float(scale.value) - factor) <= factor / 3**digits * 1.0001, f"factor {factor}"


@pytest.mark.parametrize("exponent", range(-24, 1))
def test_powers_of_two_are_exact(exponent: int) -> None:
    assert Scale.nearest(2.0**exponent).value == Fraction(2) ** exponent


@pytest.mark.parametrize("factor", [1.0, 1.7, 1e9, math.inf])
def test_factors_above_one_give_one(factor: float) -> None:
    assert Scale.nearest(factor).value == 1


@pytest.mark.parametrize("factor", [0.0, -0.5, 2.0**-24 * 0.99, math.nan])
def test_factors_too_small_are_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="must be at least 2"):
        Scale.nearest(factor)


@pytest.mark.parametrize("digits", [1, 4])
def test_number_of_digits_is_checked(digits: int) -> None:
    with pytest.raises(ValueError, match=f"{digits} digits, must be 2..3"):
        Scale.nearest(0.3, digits)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "0 steps, must be 1..4"),
        (((1, 0),) * 5, "5 steps, must be 1..4"),
        (((2, 0),), r"digit 2, shift 0"),
        (((1, -1),), r"digit 1, shift -1"),
        (((1, 16),), r"digit 1, shift 16"),
        (((0, 3),), "must be positive"),
        (((1, 0), (-1, 2)), "must be positive"),
        (((-1, 0),), "must be positive"),
    ],
)
def test_steps_are_checked(steps: tuple[tuple[int, int], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(steps)
