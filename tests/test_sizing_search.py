"""The search: budgets are met, never exceeded; what cannot be met is said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pann_hw.errors import InputError
from pann_hw.program.deployment import Deployment
from pann_hw.sizing.cost import Cost
from pann_hw.sizing.goal import Goal
from pann_hw.sizing.hardware import Hardware, candidates
from pann_hw.sizing.points import Additions, Points, Products
from pann_hw.sizing.search import size
from tests import sizing

ADDING = candidates(["csd"], [8, 16], [1, 2, 4], 3)
BOTH = candidates(["csd", "mac"], [8, 16], [1, 2, 4], 3)


@pytest.fixture(scope="module")
def points() -> Points:
    return sizing.small_points()


@pytest.mark.parametrize("microwatts", [12.0, 25.0, 40.0, 70.0])
def test_budgets_are_met(microwatts: float, points: Points) -> None:
    goal = sizing.goal(microwatts)
    found = size(points, goal, ADDING, sizing.estimate)
    assert 0.9 <= found.part <= 1
    assert found.met
    assert found.chosen in found.trials
    assert len(found.trials) <= 8
    again = sizing.estimate(found.chosen.deployment, found.chosen.clock)
    assert goal.amount(again, found.chosen.cycles, found.chosen.clock) <= goal.limit
    assert found.chosen.clock >= found.chosen.cycles * 1000


def test_more_power_is_more_accurate(points: Points) -> None:
    errors = [
        size(points, sizing.goal(microwatts), ADDING, sizing.estimate).chosen.point.error
        for microwatts in (12.0, 25.0, 70.0)
    ]
    assert errors == sorted(errors, reverse=True)


def test_energy_at_any_rate(points: Points) -> None:
    found = size(points, Goal(20e-9, "J", None, 10e6), ADDING, sizing.estimate)
    assert found.met
    assert found.chosen.clock == 10e6


def test_the_hardware_of_least_energy(points: Points) -> None:
    """With the network that is chosen, no other takes less by more than what area is worth."""
    found = size(points, sizing.goal(40.0), ADDING, sizing.estimate)
    alone = [
        size(points, sizing.goal(40.0), [one], sizing.estimate).chosen.point.flips_per_mac
        for one in ADDING
    ]
    assert found.chosen.point.flips_per_mac >= 0.85 * max(alone)
    assert found.chosen.point.flips_per_mac > min(alone)


def test_what_is_left_over(points: Points) -> None:
    """8-bit budgets are the largest."""
    found = size(points, sizing.goal(5000.0), ADDING, sizing.estimate)
    assert found.chosen.setting.budget == 64  # type: ignore[union-attr]
    assert not found.met


def test_lanes_that_multiply_where_they_are_better(points: Points) -> None:
    """Where an 8-bit multiplication takes less than the additions of the same accuracy."""
    found = size(points, sizing.goal(100.0), BOTH, sizing.estimate)
    assert found.chosen.hardware.kind == "mac"
    assert isinstance(found.chosen.setting, Products)
    assert found.part <= 1
    scarce = size(points, sizing.goal(12.0), BOTH, sizing.estimate)
    assert scarce.chosen.hardware.kind == "csd"
    assert isinstance(scarce.chosen.setting, Additions)


def test_only_lanes_that_multiply(points: Points) -> None:
    hardware = candidates(["mac"], [16], [4], 3)
    found = size(points, sizing.goal(55.0), hardware, sizing.estimate)
    assert found.chosen.setting == Products(3)
    judged = [one.setting for one in found.trials]
    assert judged == [Products(bits) for bits in range(2, len(judged) + 2)]
    assert found.trials[-1].amount > found.goal.limit
    with pytest.raises(InputError, match=r"16 mac lanes in 4 cores for 2 bits"):
        size(points, sizing.goal(1.0), hardware, sizing.estimate)


def test_the_least_is_said(points: Points) -> None:
    with pytest.raises(InputError, match=r"the least is .*, with .* lanes in . cores") as error:
        size(points, sizing.goal(0.1), ADDING, sizing.estimate)
    assert "power 100 nW at 1000 inferences/s" in str(error.value)
    assert "raise --power or lower --fps" in str(error.value)
    least = float(re.findall(r"the least is ([0-9.]+) uW", str(error.value))[0])
    found = size(points, sizing.goal(1.05 * least), ADDING, sizing.estimate)
    assert found.part <= 1
    with pytest.raises(InputError, match=r"raise --energy$"):
        size(points, Goal(1e-12, "J", None, 50e6), ADDING, sizing.estimate)


def test_a_rate_out_of_reach(points: Points) -> None:
    with pytest.raises(InputError, match="lower the rate or raise the clock"):
        size(points, sizing.goal(100.0, fps=1e6), ADDING, sizing.estimate)


def test_a_rate_that_small_budgets_make(points: Points) -> None:
    """More cores where the clock is too slow; a smaller budget where there are none."""
    hardware = [Hardware("csd", 8, 1)]
    fps = 50e6 / 1200
    found = size(points, sizing.goal(1e5, fps=fps), hardware, sizing.estimate)
    assert found.chosen.cycles * fps <= 50e6
    assert found.chosen.point.flips_per_mac < 10
    assert not found.met
    more = size(points, sizing.goal(1e5, fps=fps), ADDING, sizing.estimate)
    assert more.chosen.point.flips_per_mac > found.chosen.point.flips_per_mac


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.25])
def test_another_estimator_has_the_last_word(factor: float, points: Points) -> None:
    def final(deployment: Deployment, clock: float) -> Cost:
        found = sizing.estimate(deployment, clock)
        cells = {
            name: replace(part, dynamic=factor * part.dynamic, leakage=factor * part.leakage)
            for name, part in found.cells.items()
        }
        return replace(found, cells=cells)

    found = size(points, sizing.goal(30.0), ADDING, sizing.estimate, final)
    assert found.met
    assert found.part <= 1
    assert found.chosen.by == "gates"
    assert sum(one.by == "gates" for one in found.trials) <= 5
    assert found.trials[0].by == "coefficients"


def test_another_estimator_finds_too_much(points: Points) -> None:
    def final(deployment: Deployment, clock: float) -> Cost:
        found = sizing.estimate(deployment, clock)
        return replace(found, cells={"lanes": replace(found.cells["lanes"], dynamic=1e12)})

    with pytest.raises(InputError, match="the least is 1"):
        size(points, sizing.goal(30.0), ADDING, sizing.estimate, final)
