"""Operating points of a network."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate
from pann_hw.quantise.budget import LARGEST, WIDTHS
from pann_hw.quantise.recipe import PLAIN
from pann_hw.sizing.points import Additions, Points, Products
from tests.sizing import small_graph, small_points


@pytest.fixture(scope="module")
def points() -> Points:
    return small_points()


def test_the_best_of_a_search(points: Points) -> None:
    setting = points.additions(10.0)
    assert setting.budget == 10.0
    point = points.point(setting)
    assert point is not None
    assert point.flips_per_mac <= 10.0
    others = [points.point(Additions(10.0, trial)) for trial in range(len(WIDTHS))]
    errors = [other.error for other in others if other is not None]
    assert len(errors) > 2
    assert point.error == min(errors)
    assert points.point(setting) is point


def test_one_trial_is_kept(points: Points) -> None:
    for trial in (2, 4):
        setting = points.additions(12.0, trial)
        assert setting == Additions(12.0, trial)
        point = points.point(setting)
        assert point is not None
        assert point.bits == WIDTHS[trial]


def test_the_least_budget(points: Points) -> None:
    least = points.additions(0.0)
    assert 0 < least.budget < 2
    assert points.point(least) is not None
    below = [points.point(Additions(least.budget / 1.3, trial)) for trial in range(len(WIDTHS))]
    assert below == [None] * len(WIDTHS)


def test_the_largest_budget(points: Points) -> None:
    assert points.additions(100.0).budget == LARGEST


def test_products(points: Points) -> None:
    errors = []
    for bits in (2, 4, 8):
        point = points.point(Products(bits))
        assert point is not None
        assert point.network.input.bits == bits
        assert max(int(np.abs(one).max()) for one in _weights(points, bits)) < 2**bits
        errors.append(point.error)
    assert errors == sorted(errors, reverse=True)


def _weights(points: Points, bits: int) -> list[np.ndarray]:
    point = points.point(Products(bits))
    assert point is not None
    layers = point.network.layers
    return [
        one.weights for layer in layers if isinstance(layer, Accumulate) for one in layer.sources
    ]


def test_settings_as_text() -> None:
    assert str(Additions(12.345, 1)) == "12.3 flips/MAC"
    assert str(Products(4)) == "4 bits"


def test_refused() -> None:
    x = np.zeros((4, 1, 6, 6), np.float32)
    with pytest.raises(InputError, match="y is"):
        Points(small_graph(), x, np.zeros(3, np.int64), PLAIN, 3)
