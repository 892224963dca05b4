"""What a deployment takes on its hardware, by class of modules, at any clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pann_hw.energy.coefficients import estimate
from pann_hw.energy.inference import ClassEnergy, gate_design, inference_energy
from pann_hw.energy.memories import MemoryEnergy
from pann_hw.program.deployment import Deployment
from pann_hw.technology.known import Technology
from pann_hw.technology.library import Library

__all__ = ["Cost", "Estimator", "Part", "by_coefficients", "by_gates"]


@dataclass(frozen=True)
class Part:
    """A class of modules, or a memory.

    Attributes
    ----------
    dynamic : fJ per inference, all but leakage
    leakage : nW
    """

    dynamic: float
    leakage: float

    def energy(self, seconds: float) -> float:
        """FJ per inference that takes so long."""
        # nW are 1e6 fJ/s.
        return self.dynamic + self.leakage * seconds * 1e6


@dataclass(frozen=True)
class Cost:
    """Energy per inference of one operating point on one accelerator.

    Attributes
    ----------
    cells : by :data:`pann_hw.energy.classes.CLASSES`
    memories : by path of instances; estimates; empty where the technology is not known
    area : square micrometres of all cells
    fastest : Hz that the gates take; None where delays are not known
    """

    cells: Mapping[str, Part]
    memories: Mapping[str, Part]
    area: float
    fastest: float | None

    def energy(self, seconds: float, *, memories: bool) -> float:
        """FJ per inference that takes so long; with memories or without."""
        parts = [*self.cells.values(), *(self.memories.values() if memories else ())]
        return math.fsum(part.energy(seconds) for part in parts)


Estimator = Callable[[Deployment, float], Cost]
"""The cost of a deployment's first point; the clock (Hz) is one that is slow enough for it."""


def by_coefficients(technology: str, x: np.ndarray) -> Estimator:
    """The technology's default coefficients, on float inputs x (n, C, H, W)."""

    def found(deployment: Deployment, clock: float) -> Cost:
        result = estimate(deployment, technology, x, clock=clock)
        return _cost(result.classes, result.memories, result.seconds, None)

    return found


def by_gates(
    library: Library,
    files: Sequence[Path],
    technology: Technology | None,
    x: np.ndarray,
    windows: int,
) -> Estimator:
    """Mapped to a library, simulated gate by gate on float inputs x (n, C, H, W).

    Parameters
    ----------
    windows : that are replayed with delays, for glitches
    """

    def measured(deployment: Deployment, clock: float) -> Cost:
        design = gate_design(deployment, library, files, technology)
        fastest = 1e12 / design.critical_path
        # Whether the clock is too fast is for the caller to see: a cost is the same at any.
        found = inference_energy(deployment, design, x, clock=min(clock, fastest), windows=windows)
        return _cost(found.classes, found.memories, found.seconds, fastest)

    return measured


def _cost(
    classes: Sequence[ClassEnergy],
    memories: Sequence[MemoryEnergy],
    seconds: float,
    fastest: float | None,
) -> Cost:
    """A cost from energies of inferences that took so long."""
    return Cost(
        {item.name: Part(item.logic + item.clock, item.leakage_power) for item in classes},
        {item.name: Part(item.access, item.leakage / seconds / 1e6) for item in memories},
        sum(item.area for item in classes),
        fastest,
    )
