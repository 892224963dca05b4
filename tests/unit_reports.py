"""Reports on units that need no Verilator: software in its place, or invented numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from pann_hw.power.catalogue import catalogue
from pann_hw.power.source import Source
from pann_hw.power.sources import SOURCES, Gaussian, Uniform
from pann_hw.power.unit import Stimulus, Unit, net_flips
from pann_hw.report import unit_measure
from pann_hw.report.unit_measure import Job, measure
from pann_hw.report.units import Measurement, Report
from sim.unit_bench import UnitRun

__all__ = [
    "COUNTED",
    "JOB",
    "WIDTHS",
    "Viewed",
    "invented_report",
    "small_report",
    "small_sources",
    "software_runs",
]

WIDTHS = (16, 24)

JOB = Job(2, WIDTHS, 2.0, ("multiplier_*_2x2", "mac_array_2x2_into_16", "residual"))
"""Few and small units."""

COUNTED = dict(zip(SOURCES, (1.0, 0.8, 0.5, 0.25), strict=True))
"""What was counted in an invented report, as a share of the formula."""


class Viewed(Uniform):
    """Activations that are a view of a torch tensor, as those of a network are."""

    name = "viewed"

    def __init__(self, seed: int) -> None:
        super().__init__(seed, 16, 32)
        self._tensor = torch.tensor(np.random.default_rng(seed).integers(0, 4, self.shape))
        self._words = self._tensor.numpy()

    def _products(self, x_bits: int, w_bits: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
        return self._words - 2 * signed, super()._products(x_bits, w_bits, signed)[1]


def software_runs(
    units: Sequence[Unit], stimuli: Sequence[Mapping[str, Stimulus]], *, outputs: bool = False
) -> list[dict[str, UnitRun]]:
    """What `run_units` gives where the circuits are right."""
    names = [unit.name for unit in units]
    assert len(set(names)) == len(names)
    by_name = dict(zip(names, units, strict=True))
    return [
        {name: UnitRun(_flips(by_name[name], given), {}) for name, given in run.items()}
        for run in stimuli
    ]


def _flips(unit: Unit, stimulus: Stimulus) -> dict[str, np.ndarray]:
    trace = unit.trace(stimulus)
    return {net: net_flips(values, width) for net, (_, width, values) in trace.items()}


def small_sources(seed: int = 0) -> list[Source]:
    """Two kinds of data, 512 operations of each."""
    return [Uniform(seed, 16, 32), Gaussian(seed, 16, 32)]


def small_report(bits: tuple[int, ...], patterns: tuple[str, ...], seed: int = 0) -> Report:
    """A report on small data, counted by software."""
    sources = small_sources(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_measure, "run_units", software_runs)
        found = [item for b in bits for item in measure(Job(b, WIDTHS, 2.0, patterns), sources)]
    names = tuple(source.name for source in sources)
    return Report(bits, WIDTHS, 2.0, names, "digits", seed, tuple(found))


def invented_report(bits: tuple[int, ...] = (2, 4, 8)) -> Report:
    """All units of the catalogue: counted is ``COUNTED`` of the formula, predicted 2 % more than
    that, bits alone 10 % more."""
    found = []
    for b in bits:
        for entry in catalogue(b, WIDTHS, 2.0):
            unit: Any = entry.unit
            formula = unit.formula()
            narrow = all(width <= 10 for width, _ in unit.operands.values())
            for source, share in COUNTED.items():
                counted = {name: share * flips for name, flips in formula.items()}
                found.append(
                    Measurement(
                        bits=b,
                        group=entry.group,
                        unit=unit.name,
                        type=type(unit).__name__,
                        parameters=json.loads(json.dumps(asdict(unit))),
                        source=source,
                        operations=1000,
                        nets=3,
                        net_bits=10,
                        formula=formula,
                        predicted={name: 1.02 * flips for name, flips in counted.items()},
                        independent={name: 1.1 * flips for name, flips in counted.items()}
                        if narrow
                        else None,
                        counted=counted,
                    )
                )
    return Report(bits, WIDTHS, 2.0, SOURCES, "digits", 0, tuple(found))
