"""Names of points: unique, readable, and safe as file names."""

from __future__ import annotations

import re

import pytest

from pann_hw.quantise.budget import parse_budget
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.point import Point, budget_name
from pann_hw.sweep.sweep import points_of


@pytest.mark.parametrize("name", ["2bit", "3bit", "4bit", "5bit", "6bit", "7bit", "8bit"])
def test_named_budgets_keep_their_name(name: str) -> None:
    assert budget_name(parse_budget(name)) == name


def test_other_budgets_are_told_in_flips() -> None:
    assert [budget_name(flips) for flips in (4, 12.5, 0.25)] == ["4flips", "12.5flips", "0.25flips"]


@pytest.mark.parametrize(
    ("point", "name", "label"),
    [
        (Point("csd", 10.0, None), "csd-2bit", "2bit"),
        (Point("unary", 16.5, 5), "unary-3bit-b5", "3bit b5"),
        (Point("mac-signed", None, 4), "mac-signed-b4", "b4"),
        (Point("csd", 12.5, None), "csd-12.5flips", "12.5flips"),
    ],
)
def test_names(point: Point, name: str, label: str) -> None:
    assert (point.name, point.label) == (name, label)


def test_no_two_points_share_a_file() -> None:
    budgets = [parse_budget(text) for text in ("2bit", "4", "4bit", "4.5", "0.001", "64")]
    for recipe in (PLAIN, FULL):
        names = [point.name for point in points_of(tuple(KINDS), budgets, recipe)]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in names)
