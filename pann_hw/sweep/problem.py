"""What a sweep is about, and one point of it: the work of one process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import mean_additions, mean_bits
from pann_hw.quantise.post_training import Prepared, prepare
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import Recipe
from pann_hw.sweep.key import digest, versions
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.point import Figures, Outcome, Point

__all__ = ["Problem", "Workbench", "make", "workbench"]


@dataclass(frozen=True, eq=False)
class Problem:
    """One float network, the data that decide and judge integer networks, and the recipe.

    Attributes
    ----------
    calibration : images (n, C, H, W)
    test : what figures are measured on
    max_shift : largest shift of a term on the hardware, where terms have shifts
    """

    graph: FloatGraph
    calibration: np.ndarray
    test: Data
    recipe: Recipe
    max_shift: int

    @cached_property
    def wanted(self) -> np.ndarray:
        """The float network's outputs for the test images."""
        return float_outputs(self.graph, self.test.x)

    @cached_property
    def _digest(self) -> str:
        parts = (self.graph, self.calibration, self.test.x, self.test.y, self.recipe)
        return digest(versions(), *parts)

    def key(self, point: Point) -> str:
        """Of all that decides the outcome of a point."""
        return digest(self._digest, point, KINDS[point.encoding].shift(self.max_shift))


@dataclass(frozen=True, eq=False)
class Workbench:
    """A problem with all that its points of one encoding have in common."""

    problem: Problem
    prepared: Prepared


def workbench(problem: Problem, encoding: str) -> Workbench:
    """Calibrate, and measure what an encoding needs.

    Raises
    ------
    InputError : as :func:`pann_hw.quantise.post_training.prepare`
    """
    prepared = prepare(problem.graph, problem.calibration, problem.recipe)
    KINDS[encoding].prepare(prepared, KINDS[encoding].shift(problem.max_shift))
    return Workbench(problem, prepared)


def make(bench: Workbench, point: Point) -> tuple[Outcome, IntegerNetwork | None]:
    """Quantise, and measure on the test images; no network where the budget is too small."""
    begin = time.monotonic()
    kind, problem = KINDS[point.encoding], bench.problem
    shift = kind.shift(problem.max_shift)
    network = kind.fit(bench.prepared, point, shift)
    if network is None:
        return Outcome(point, None, kind.enough(bench.prepared, point, shift)), None
    found = quality(network, problem.test.x, problem.test.y, problem.wanted)
    flips_per_mac = float(kind.flips_per_mac(point, network, shift))
    figures = Figures(
        bx=mean_bits(network) if network.bits is None else network.bits,
        R=mean_additions(network),
        flips_per_mac=flips_per_mac,
        flips=flips_per_mac * network.macs,
        accuracy=found.accuracy,
        agreement=found.agreement,
        error=found.error,
        seconds=time.monotonic() - begin,
    )
    return Outcome(point, figures), network
