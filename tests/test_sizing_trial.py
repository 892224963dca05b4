"""Trials: clock, amount, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.errors import InputError
from pann_hw.sizing.goal import Goal
from pann_hw.sizing.hardware import Hardware
from pann_hw.sizing.points import Points
from pann_hw.sizing.trial import Judge, Trial, UnfitError
from tests import sizing

HARDWARE = Hardware("csd", 8, 1)


@pytest.fixture(scope="module")
def points() -> Points:
    return sizing.small_points()


def judge(points: Points, goal: Goal, seen: list[Trial] | None = None) -> Judge:
    progress = (lambda _: None) if seen is None else seen.append
    return Judge(points, goal, sizing.estimate, "estimate", progress)


def test_trial(points: Points) -> None:
    seen: list[Trial] = []
    goal = sizing.goal(100.0)
    one = judge(points, goal, seen)
    setting = points.additions(10.0)
    trial = one.judge(HARDWARE, setting)
    assert one.trials == seen == [trial]
    assert trial.point is points.point(setting)
    assert trial.clock == goal.clock(trial.cycles)
    assert trial.cost == sizing.estimate(trial.deployment, trial.clock)
    assert trial.amount == goal.amount(trial.cost, trial.cycles, trial.clock)
    assert one.amount_on(trial, HARDWARE, trial.cycles) == pytest.approx(trial.amount)


def test_budgets_that_are_aimed_at(points: Points) -> None:
    one = judge(points, sizing.goal(100.0))
    trial = one.judge(HARDWARE, points.additions(10.0))
    assert one.budget_for(trial, trial.amount) == pytest.approx(10.0)
    more = one.budget_for(trial, 1.3 * trial.amount)
    # Part of it is not for terms.
    assert 13.0 < more < 30.0
    found = one.judge(HARDWARE, points.additions(more))
    assert found.amount == pytest.approx(1.3 * trial.amount, rel=0.15)
    assert one.budget_for(trial, 0.0) == pytest.approx(10.0 / 3)


def test_too_slow(points: Points) -> None:
    goal = replace(sizing.goal(100.0), fps=1e6)
    with pytest.raises(UnfitError, match=r"cycles per inference with 8 lanes and 1 cores are"):
        judge(points, goal).judge(HARDWARE, points.additions(10.0))
    with pytest.raises(InputError, match=r"will do: .* cycles"):
        judge(points, goal).cycles([HARDWARE], points.additions(10.0))


def test_gates_that_are_too_slow(points: Points) -> None:
    slow = Judge(
        points,
        sizing.goal(100.0),
        lambda deployment, clock: replace(sizing.estimate(deployment, clock), fastest=0.5 * clock),
        "gates",
        lambda _: None,
    )
    with pytest.raises(UnfitError, match="the gates of 8 lanes and 1 cores take at most"):
        slow.judge(HARDWARE, points.additions(10.0))
    assert slow.trials == []


def test_cycles_of_what_fits(points: Points) -> None:
    other = Hardware("csd", 8, 4)
    setting = points.additions(10.0)
    found = judge(points, sizing.goal(100.0)).cycles([HARDWARE, other], setting)
    assert found[other] < found[HARDWARE]
    rate = 50e6 / found[other] * 0.99
    goal = replace(sizing.goal(100.0), fps=rate)
    assert judge(points, goal).cycles([HARDWARE, other], setting) == {other: found[other]}
