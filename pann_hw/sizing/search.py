"""The operating point and the hardware of highest accuracy within a budget of power or energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pann_hw.errors import InputError
from pann_hw.quantise.budget import LARGEST, WIDTHS
from pann_hw.quantise.search import Candidate, best
from pann_hw.sizing.cost import Estimator
from pann_hw.sizing.goal import Goal
from pann_hw.sizing.hardware import Hardware
from pann_hw.sizing.points import Additions, Points, Products, Setting
from pann_hw.sizing.quantities import shown
from pann_hw.sizing.trial import Judge, Trial, UnfitError

__all__ = ["MET", "Sizing", "size"]

_ENOUGH = 0.91
"""Part of a budget from which on a search ends."""

MET = 0.9
"""Part of a budget of which it counts as used up."""

_AIM = 0.955
_FIRST = 10.0
"""Flips per MAC to begin with: those of a 2-bit multiply-accumulate."""

_FIRST_LANES = 32
_STEPS = 10
_NEAR = 1.4
"""Of a limit, up or down."""

_NARROW = 0.005
_GAIN = 0.03
"""Of energy, for which more lanes or cores are worth their area."""


@dataclass(frozen=True)
class Sizing:
    """What was found.

    Attributes
    ----------
    goal : the budget
    trials : all that were estimated, in that order
    chosen : one of them; its amount is within the limit
    """

    goal: Goal
    trials: tuple[Trial, ...]
    chosen: Trial

    @property
    def part(self) -> float:
        """Of the budget that the chosen one takes."""
        return self.chosen.amount / self.goal.limit

    @property
    def met(self) -> bool:
        """Whether that is no more than 10 % less than all of it."""
        return self.part >= MET


def size(
    points: Points,
    goal: Goal,
    hardware: Sequence[Hardware],
    estimate: Estimator,
    final: Estimator | None = None,
    progress: Callable[[Trial], None] = lambda _: None,
) -> Sizing:
    """Search hardware and operating point.

    Accuracy follows the budget of flips per MAC, which goes farthest on the hardware that takes the
    least energy for a network; so that hardware is looked for first, at one operating point, then
    the budget at which the estimate is within 10 % below the limit, by secants. Lanes that
    multiply are taken where a network of b-bit weights within the limit is better.

    Parameters
    ----------
    hardware : candidates; of equal energy the first is taken
    estimate : what each is judged by
    final : judges the result, if given: the operating point is then moved on its hardware until
        this estimate is within the limit
    progress : called with each trial

    Raises
    ------
    InputError : the rate, or the budget, is out of reach: says the least
    """
    judge = Judge(points, goal, estimate, "coefficients", progress)
    adding = [one for one in hardware if one.kind == "csd"]
    multiplying = [one for one in hardware if one.kind != "csd"]
    chosen = _adding(judge, adding) if adding else None
    if multiplying:
        chosen = _multiplying(judge, multiplying, chosen)
    if final:
        begin = chosen or _least(judge)
        last = Judge(points, goal, final, "gates", progress)
        try:
            chosen = _moved(last, begin)
        except UnfitError as error:
            raise InputError(str(error)) from None
        return _sizing(last, judge.trials, chosen)
    return _sizing(judge, [], chosen)


def _sizing(judge: Judge, earlier: list[Trial], chosen: Trial | None) -> Sizing:
    if chosen is None:
        raise InputError(_unmet(judge.goal, _least(judge)))
    return Sizing(judge.goal, (*earlier, *judge.trials), chosen)


def _least(judge: Judge) -> Trial:
    return min(judge.trials, key=lambda one: one.amount)


def _unmet(goal: Goal, least: Trial) -> str:
    shape = least.hardware
    what = "power" if goal.unit == "W" else "energy"
    rate = "" if goal.fps is None else f" at {goal.fps:g} inferences/s"
    return (
        f"{what} {shown(goal.limit, goal.unit)}{rate}: the least is "
        f"{shown(least.amount, goal.unit)}, with {shape.lanes} {shape.kind} lanes in "
        f"{shape.cores} cores for {least.setting}; raise --{what}"
        + (" or lower --fps" if goal.unit == "W" else "")
    )


def _adding(judge: Judge, hardware: Sequence[Hardware]) -> Trial | None:
    """The largest budget within the limit; None where the least is beyond it."""
    left = list(hardware)
    first = judge.points.additions(_FIRST)
    try:
        trial = _cheapest(judge, left, first)
    except InputError:
        least = judge.points.additions(0)
        if least.budget >= first.budget:
            raise
        trial = _cheapest(judge, left, least)
    kept: list[Trial] = []
    while True:
        found, held = _steered(judge, trial)
        kept += [found] if found else []
        left.remove(trial.hardware)
        if held or found is None:
            break
        # This hardware cannot hold, or run in time, what the budget allows; others may.
        try:
            trial = _cheapest(judge, left, found.setting)
        except InputError:
            break
    return max(kept, key=lambda one: one.point.flips_per_mac, default=None)


def _multiplying(judge: Judge, hardware: Sequence[Hardware], other: Trial | None) -> Trial | None:
    """The most bits within the limit, or ``other`` where that is as good."""
    chosen, place = other, None
    wanted = [Products(bits) for bits in WIDTHS]
    if other:
        shape = (other.hardware.lanes, other.hardware.cores)
        hardware = [one for one in hardware if (one.lanes, one.cores) == shape] or hardware
        wanted = [one for one in wanted if _better(judge.points.point(one), other)]
    for setting in wanted:
        try:
            trial = judge.judge(place, setting) if place else _cheapest(judge, hardware, setting)
        except UnfitError:
            break
        except InputError:
            if other is None:
                raise
            break
        place = trial.hardware
        if trial.amount > judge.goal.limit:
            break
        if chosen is None or _better(trial.point, chosen):
            chosen = trial
    return chosen


def _better(point: Candidate | None, other: Trial) -> bool:
    return point is not None and best([other.point, point]) is point


def _moved(judge: Judge, begin: Trial) -> Trial | None:
    """From another estimator's result to the limit by this one, on the same hardware."""
    trial = judge.judge(begin.hardware, begin.setting)
    if isinstance(begin.setting, Additions):
        return _steered(judge, trial)[0]
    for bits in range(begin.setting.bits - 1, WIDTHS[0] - 1, -1):
        if trial.amount <= judge.goal.limit:
            break
        trial = judge.judge(begin.hardware, Products(bits))
    return trial if trial.amount <= judge.goal.limit else None


def _cheapest(judge: Judge, hardware: Sequence[Hardware], setting: Setting) -> Trial:
    """The one of least energy for one network: a first is estimated, the others are scaled from
    it, and the best of them is estimated as well."""
    cycles = judge.cycles(hardware, setting)
    first: Trial | None = None
    reason: UnfitError | None = None
    for one in sorted(cycles, key=lambda one: (abs(one.lanes - _FIRST_LANES), one.cores)):
        try:
            first = judge.judge(one, setting)
            break
        except UnfitError as error:
            reason = error
    if first is None:
        raise InputError(f"no accelerator that is tried will do: {reason}")
    amounts = {one: judge.amount_on(first, one, count) for one, count in cycles.items()}
    least = min(amounts.values())
    chosen = next(one for one in cycles if amounts[one] <= least * (1 + _GAIN))
    if chosen == first.hardware:
        return first
    try:
        other = judge.judge(chosen, setting)
    except UnfitError:
        return first
    return other if other.amount < first.amount * (1 - _GAIN) else first


def _steered(judge: Judge, trial: Trial) -> tuple[Trial | None, bool]:
    """The largest budget within the limit on a trial's hardware.

    None where the least is beyond the limit; False where only the hardware's memories or its speed
    keep it from a larger one.

    Which of a search's trials is best changes with the budget, and energy jumps then: once the
    limit is near, it stays the same.
    """
    limit, ceiling = judge.goal.limit, LARGEST
    within: list[Trial] = []
    under: Trial | None = None
    over: Trial | None = None
    kept: int | None = None
    for _ in range(_STEPS):
        if trial.amount <= limit:
            within.append(trial)
            under = trial
            if trial.amount >= _ENOUGH * limit or _budget(trial) >= ceiling:
                break
        else:
            over = trial
        if kept is None and limit / _NEAR <= trial.amount <= limit * _NEAR:
            assert isinstance(trial.setting, Additions)
            kept = trial.setting.trial
            under, over = (trial, None) if trial.amount <= limit else (None, trial)
        setting = judge.points.additions(min(_next(judge, trial, under, over), ceiling), kept)
        if _narrow(setting.budget, under, over):
            break
        try:
            trial = judge.judge(trial.hardware, setting)
        except UnfitError:
            if under is None:
                break
            ceiling = (_budget(under) + setting.budget) / 2
    return max(within, key=lambda one: one.amount, default=None), ceiling == LARGEST


def _budget(trial: Trial) -> float:
    assert isinstance(trial.setting, Additions)
    return trial.setting.budget


def _narrow(budget: float, under: Trial | None, over: Trial | None) -> bool:
    """Whether a budget is no news."""
    return (under is not None and budget <= _budget(under) * (1 + _NARROW)) or (
        over is not None and budget >= _budget(over) * (1 - _NARROW)
    )


def _next(judge: Judge, trial: Trial, under: Trial | None, over: Trial | None) -> float:
    """The budget whose estimate should be what is aimed at."""
    aim = _AIM * judge.goal.limit
    if under and over and _budget(under) < _budget(over):
        share = (aim - under.amount) / (over.amount - under.amount)
        return _budget(under) + min(max(share, 0.05), 0.95) * (_budget(over) - _budget(under))
    return judge.budget_for(trial, aim)
