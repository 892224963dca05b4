"""Sweeps as a whole: their points, order, front and plain values."""

from __future__ import annotations

import json
from dataclasses import replace

from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.point import Figures, Outcome, Point
from pann_hw.sweep.store import outcome_from
from pann_hw.sweep.sweep import FORMAT, Sweep, points_of
from tests.sweep_problems import invented_sweep


def of(*figures: tuple[float, float], metric: str = "accuracy") -> Sweep:
    """A sweep of points with these flips and accuracies, in this order; errors are 1 - accuracy."""
    outcomes = [
        Outcome(Point("csd", 10.0 + i, None), Figures(4, 2, 1, flips, rate, rate, 1 - rate, 1))
        for i, (flips, rate) in enumerate(figures)
    ]
    return replace(invented_sweep(metric), outcomes=tuple(outcomes))


def front(sweep: Sweep) -> list[int]:
    """Places of the front's points in the order in which they were given."""
    points = [outcome.point for outcome in sweep.outcomes]
    return sorted(points.index(point) for point in sweep.front)


def test_points_of_all_kinds() -> None:
    budgets = (10.0, 16.5)
    for recipe, each in ((FULL, 2), (PLAIN, 14)):
        points = points_of(tuple(KINDS), budgets, recipe)
        counts = {name: sum(point.encoding == name for point in points) for name in KINDS}
        assert counts == {"unary": each, "csd": each, "mac-unsigned": 7, "mac-signed": 7}
        assert len(set(points)) == len(points)


def test_front() -> None:
    sweep = of((300, 0.9), (100, 0.5), (200, 0.7), (250, 0.6), (400, 0.9), (300, 0.8))
    assert front(sweep) == [0, 1, 2]
    assert [figures.flips for _, figures in sweep.reached] == [100, 200, 250, 300, 300, 400]
    assert [figures.accuracy for _, figures in sweep.reached][3:5] == [0.9, 0.8]


def test_flips_count_to_three_digits() -> None:
    """A hair's breadth fewer is no merit, a hundredth is."""
    assert front(of((1_342_633, 0.5), (1_342_664, 0.9))) == [1]
    assert front(of((1_320_000, 0.5), (1_342_664, 0.9))) == [0, 1]


def test_front_by_error() -> None:
    assert front(of((100, 0.5), (200, 0.7), (300, 0.7), metric="error")) == [0, 1]


def test_points_that_are_not_reached_are_last_and_on_no_front() -> None:
    sweep = invented_sweep()
    rows = sweep.to_dict()["points"]
    assert isinstance(rows, list)
    assert [row["reached"] for row in rows] == [True] * 13 + [False] * 2
    assert [row["front"] for row in rows[13:]] == [False, False]
    assert [row["enough_flips_per_mac"] for row in rows[13:]] == [1.25, None]
    assert {row["name"] for row in rows if row["front"]} == {point.name for point in sweep.front}


def test_nothing_reached() -> None:
    sweep = replace(invented_sweep(), outcomes=(Outcome(Point("csd", 1.0, None), None, 2.0),))
    assert not sweep.reached and not sweep.front
    json.dumps(sweep.to_dict())


def test_plain_values_hold_everything() -> None:
    sweep = invented_sweep(widths=True)
    plain = json.loads(json.dumps(sweep.to_dict()))
    assert plain["format"] == FORMAT
    assert plain["recipe"]["clip"] == sweep.recipe.clip
    found = [outcome_from(row) for row in plain["points"]]
    assert {one.point: one for one in found} == {one.point: one for one in sweep.outcomes}
    for name in ("network", "data", "test", "images", "test_images", "max_shift", "metric",
                 "float_accuracy"):  # fmt: skip
        assert plain[name] == getattr(sweep, name)
    assert plain["encodings"] == list(sweep.encodings)
    assert plain["budgets"] == list(sweep.budgets)
