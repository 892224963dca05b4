"""Closed formulas of multiples of a uniform word, against uniform words."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pann_hw.power.multiples import clamped_flips, multiple_flips
from pann_hw.power.nets import unsigned
from pann_hw.power.unit import net_flips

BITS, WIDTH = 16, 20


def _multiples(rng: np.random.Generator, factors: list[Fraction]) -> np.ndarray:
    """floor(c a) of each factor in turn, of 20,000 words."""
    a = rng.integers(-(2 ** (BITS - 1)), 2 ** (BITS - 1), 20000)
    return np.stack([a * c.numerator // c.denominator for c in factors], 1)


@pytest.mark.parametrize(
    "factors",
    [["1"], ["0", "1"], ["1", "1/4"], ["1", "1"], ["5/4", "-1/8"], ["-1/8", "7/8", "7/64"]],
)
def test_multiples(rng: np.random.Generator, factors: list[str]) -> None:
    exact = [Fraction(factor) for factor in factors]
    words = unsigned(_multiples(rng, exact).ravel(), WIDTH)
    counted = net_flips(words, WIDTH).sum() / 20000
    assert multiple_flips(exact, BITS, WIDTH) == pytest.approx(counted, rel=0.04)


def test_a_complement_flips_all_bits(rng: np.random.Generator) -> None:
    a = rng.integers(-(2 ** (BITS - 1)), 2 ** (BITS - 1), 20000)
    words = unsigned(np.stack([a, ~a], 1).ravel(), WIDTH)
    counted = net_flips(words, WIDTH).sum() / 20000
    assert multiple_flips([Fraction(1), Fraction(-1)], BITS, WIDTH) == pytest.approx(
        counted, rel=0.01
    )


@pytest.mark.parametrize("factors", [["1/128"], ["1/16"], ["-1/16", "1/64"], ["1/8", "1/256"]])
def test_clamped(rng: np.random.Generator, factors: list[str]) -> None:
    exact = [Fraction(factor) for factor in factors]
    words = _multiples(rng, exact).clip(0, 255).ravel()
    counted = net_flips(words, 8).sum() / 20000
    assert clamped_flips(exact, BITS, 8) == pytest.approx(counted, rel=0.05)
