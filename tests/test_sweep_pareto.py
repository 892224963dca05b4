"""The Pareto front against its definition, and what points are compared by."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.sweep.pareto import METRICS, default_metric, merit, pareto_front
from pann_hw.sweep.point import Figures

FIGURES = Figures(4.0, 2.0, 10.0, 1e6, 0.9, 0.95, 0.02, 1.0)


@pytest.mark.parametrize("values", [3, 8, 1000])
def test_front_is_by_definition(values: int, rng: np.random.Generator) -> None:
    """Few different values give many ties."""
    for count in (1, 2, 5, 40):
        c, m = rng.integers(0, values, (2, count)).tolist()
        expected = [
            not any(
                c[j] <= c[i] and m[j] >= m[i] and (c[j] < c[i] or m[j] > m[i]) for j in range(count)
            )
            for i in range(count)
        ]
        assert pareto_front(c, m) == expected
        assert any(expected)


def test_equal_points_are_on_the_front_together() -> None:
    assert pareto_front([1, 1, 2, 2], [5, 5, 5, 6]) == [True, True, False, True]


def test_no_points_no_front() -> None:
    assert pareto_front([], []) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        pareto_front([1.0, 2.0], [0.5, bad])
    with pytest.raises(ValueError, match="finite"):
        pareto_front([1.0, bad], [0.5, 0.5])


def test_as_many_costs_as_merits() -> None:
    with pytest.raises(ValueError):
        pareto_front([1.0], [1.0, 2.0])


def test_more_merit_is_better() -> None:
    worse = replace(FIGURES, accuracy=0.8, agreement=0.8, error=0.3)
    for metric in METRICS:
        assert merit(FIGURES, metric) > merit(worse, metric)


def test_merit_needs_the_figure() -> None:
    with pytest.raises(ValueError, match="no labels"):
        merit(replace(FIGURES, accuracy=None), "accuracy")
    with pytest.raises(ValueError, match="accuracy, agreement, error"):
        merit(FIGURES, "seconds")


@pytest.mark.parametrize(
    ("labelled", "inputs", "outputs", "metric"),
    [
        (True, 784, 10, "accuracy"),
        (True, 640, 640, "accuracy"),
        (False, 784, 10, "agreement"),
        (False, 640, 640, "error"),
        (False, 784, 1, "error"),
    ],
)
def test_default_metric(labelled: bool, inputs: int, outputs: int, metric: str) -> None:
    assert default_metric(labelled, inputs, outputs) == metric
