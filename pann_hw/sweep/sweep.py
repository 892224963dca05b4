"""A sweep as a whole: what was asked, all outcomes, and which of them are on the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from pann_hw.quantise.recipe import Recipe
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.pareto import merit, pareto_front
from pann_hw.sweep.point import Figures, Outcome, Point
from pann_hw.sweep.store import outcome_to

__all__ = ["FORMAT", "Sweep", "points_of"]

FORMAT = "pann-hw sweep 1"
"""Value of the key ``format``."""


def points_of(encodings: Sequence[str], budgets: Sequence[float], recipe: Recipe) -> list[Point]:
    """All points, encoding by encoding.

    Parameters
    ----------
    encodings : names in :data:`pann_hw.sweep.kinds.KINDS`
    budgets : flips per MAC
    """
    return [point for name in encodings for point in KINDS[name].points(name, budgets, recipe)]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Attributes
    ----------
    network, data, test : as the command was given them; test is None where figures are measured
        on the calibration images
    images, test_images : calibrated with, measured on
    recipe, max_shift, encodings, budgets : of the points
    metric : by which the front is chosen
    float_accuracy : of the float network on the same images, None without labels
    outcomes : of all points
    """

    network: str
    data: str
    test: str | None
    images: int
    test_images: int
    recipe: Recipe
    max_shift: int
    encodings: tuple[str, ...]
    budgets: tuple[float, ...]
    metric: str
    float_accuracy: float | None
    outcomes: tuple[Outcome, ...]

    @cached_property
    def reached(self) -> list[tuple[Point, Figures]]:
        """Points that have a network, those of fewest flips first, the better of equals first."""
        pairs = [(one.point, one.figures) for one in self.outcomes if one.figures is not None]
        return sorted(pairs, key=lambda pair: (pair[1].flips, -merit(pair[1], self.metric)))

    @cached_property
    def unreached(self) -> list[Outcome]:
        """Points whose budget is too small."""
        return [one for one in self.outcomes if one.figures is None]

    @cached_property
    def front(self) -> list[Point]:
        """The Pareto front: no other point has as few flips and is as good, and better in one.

        Flips that agree in three digits count as equal: how closely a budget is met is chance.
        """
        costs = [float(f"{figures.flips:.3g}") for _, figures in self.reached]
        merits = [merit(figures, self.metric) for _, figures in self.reached]
        on = pareto_front(costs, merits)
        return [point for (point, _), kept in zip(self.reached, on, strict=True) if kept]

    def to_dict(self) -> dict[str, object]:
        """All of it as plain values.

        Keys
        ----
        format : "pann-hw sweep 1"
        network .. float_accuracy : the attributes
        points : a list in the order of :attr:`reached`, then of :attr:`unreached`, with the keys of
            :func:`pann_hw.sweep.store.outcome_to` and ``front``: whether it is on the front
        """
        order = [Outcome(point, figures) for point, figures in self.reached] + self.unreached
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        del plain["outcomes"]
        return {
            "format": FORMAT,
            **plain,
            "recipe": asdict(self.recipe),
            "points": [{**outcome_to(one), "front": one.point in self.front} for one in order],
        }
