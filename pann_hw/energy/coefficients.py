"""Energy per inference without a Liberty file: counts on generic gates, two coefficients a library.

    energy = toggle * (toggles times pins driven) + pulse * (pulses at clock pins) + leakage * time

The counts are of a netlist of :mod:`pann_hw.technology.generic`; toggles have glitches in
them, from windows in which every gate takes one unit of time. What the insides of cells take is in
the coefficients, which are fitted to the full flow with a library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from pann_hw.energy.classes import CLASSES
from pann_hw.energy.glitches import glitches, spread_windows
from pann_hw.energy.inference import (
    ClassEnergy,
    GateDesign,
    PerInference,
    by_class,
    checked_run,
    gate_design,
    predicted_cycles,
)
from pann_hw.energy.memories import MemoryEnergy, memory_energies
from pann_hw.errors import InputError
from pann_hw.program.deployment import Deployment
from pann_hw.technology.generic import generic_files, generic_library
from pann_hw.technology.known import technology as known_technology
from sim.gates.unit_delay import MOST_WINDOWS, run_unit_delay

__all__ = [
    "GLITCH",
    "Coefficients",
    "Count",
    "Counts",
    "Estimate",
    "count",
    "default_coefficients",
    "estimate",
    "fit",
    "generic_design",
    "quick",
]

GLITCH = 0.5
"""What a change beyond the settled ones counts. A pulse of one unit is as long as a gate's delay:
real gates, whose delays differ, swallow many and let others through as part of a swing."""

_WINDOW_CYCLES = 16


@dataclass(frozen=True)
class Coefficients:
    """What things of generic gates take in a technology.

    Attributes
    ----------
    technology : its name
    toggle : fJ per change of a net and pin that it drives, see :attr:`Count.toggles`
    pulse : fJ per pulse at the clock pin of a flip-flop or clock gate
    leakage : nW per two-input NAND of area
    area : square micrometres per two-input NAND of area
    """

    technology: str
    toggle: float
    pulse: float
    leakage: float
    area: float


@dataclass(frozen=True)
class Count:
    """One class of modules on generic gates, per inference.

    Attributes
    ----------
    settled : changes of nets, at most one a cycle, each times the pins that the net drives
    glitches : changes beyond these, likewise, if every gate takes one unit of time
    pulses : at clock pins
    area : in two-input NANDs
    """

    settled: float
    glitches: float
    pulses: float
    area: float

    @property
    def toggles(self) -> float:
        """What ``toggle`` is paid for: settled changes, and `GLITCH` of the others."""
        return self.settled + GLITCH * self.glitches


@dataclass(frozen=True)
class Counts:
    """Inferences on generic gates, mean over the images.

    Attributes
    ----------
    classes : all of :data:`pann_hw.energy.classes.CLASSES`
    cycles : per inference
    images, mismatches : inferences, and outputs that are not those of the integer network
    reads, writes : float64 (memories,), accesses per inference
    """

    classes: Mapping[str, Count]
    cycles: float
    images: int
    mismatches: int
    reads: np.ndarray
    writes: np.ndarray

    @property
    def total(self) -> Count:
        """All classes together."""
        parts = self.classes.values()
        return Count(
            sum(part.settled for part in parts),
            sum(part.glitches for part in parts),
            sum(part.pulses for part in parts),
            sum(part.area for part in parts),
        )


@dataclass(frozen=True)
class Estimate(PerInference):
    """Energy per inference by default coefficients, mean over the images; fJ.

    Attributes
    ----------
    technology, voltage : name and supply (V)
    clock : Hz
    images, mismatches : inferences, and outputs that are not those of the integer network
    cycles : per inference
    classes : of modules, all of :data:`pann_hw.energy.classes.CLASSES`
    memories : estimates as well
    cells, flip_flops, clock_gates, buffers : numbers of generic cells
    """

    technology: str
    voltage: float
    clock: float
    images: int
    mismatches: int
    cycles: float
    classes: tuple[ClassEnergy, ...]
    memories: tuple[MemoryEnergy, ...]
    cells: int
    flip_flops: int
    clock_gates: int
    buffers: int

    @property
    def dynamic(self) -> float:
        """Of all cells, without leakage."""
        return sum(item.logic + item.clock for item in self.classes)

    @property
    def leakage_power(self) -> float:
        """Of all cells, in nW."""
        return sum(item.leakage_power for item in self.classes)

    @property
    def memory_energy(self) -> float:
        """Of all memories."""
        return sum(item.energy for item in self.memories)

    @property
    def area(self) -> float:
        """Square micrometres of all cells."""
        return sum(item.area for item in self.classes)

    def power(self, fps: float) -> float:
        """W of all cells at that many inferences per second, leakage all the time; no memories."""
        return self.dynamic * 1e-15 * fps + self.leakage_power * 1e-9


def default_coefficients(technology: str) -> Coefficients:
    """The coefficients that come with the package.

    Raises
    ------
    InputError : the technology is not known
    """
    known_technology(technology)
    text = files("pann_hw.energy").joinpath("coefficients.json").read_text()
    return Coefficients(technology, **json.loads(text)["technologies"][technology])


@lru_cache(maxsize=2)
def generic_design(deployment: Deployment, *, clock_gating: bool = True) -> GateDesign:
    """The accelerator of a deployment's configuration as generic gates.

    Mapped in about a minute; the mapping is kept in the cache by the hash of the RTL, the last two
    designs in memory.

    Raises
    ------
    ToolError : a tool is missing or fails
    """
    return gate_design(deployment, generic_library(), generic_files(), clock_gating=clock_gating)


def count(
    deployment: Deployment,
    design: GateDesign,
    x: np.ndarray,
    *,
    point: int = 0,
    progress: Callable[[], None] | None = None,
) -> Counts:
    """Run inferences of one operating point on generic gates.

    Whole inferences run without delays; 64 windows of 16 cycles, spread evenly over the first one
    (shorter ones where that is short), again with unit delays, and the ratio found there, class by
    class, is taken for the whole.

    Parameters
    ----------
    design : of :func:`generic_design`, for this deployment
    x : float inputs (n, C, H, W)
    point : operating point
    progress : called after each inference

    Raises
    ------
    MismatchError : cycles are not those predicted, or the accelerator hangs
    ToolError : a tool is missing or fails
    """
    cycles = int(predicted_cycles(deployment, x[:1], point)[0])
    spans = spread_windows(cycles, MOST_WINDOWS, _WINDOW_CYCLES)
    done, mismatches = checked_run(
        deployment, design, x, point=point, windows=spans, progress=progress
    )
    images = len(done.cycles)
    whole = by_class(design.weights, done.toggles / images)
    replayed = run_unit_delay(design.model, done.windows)
    settled, changed = (
        {name: logic for name, (logic, *_) in by_class(design.weights, part).items()}
        for part in (replayed.settled, replayed.changes)
    )
    ratios = glitches({name: part[0] for name, part in whole.items()}, [settled], [changed])
    return Counts(
        {
            # A pulse is two edges.
            name: Count(logic, logic * (ratios.factors[name] - 1), edges / 2, area)
            for name, (logic, edges, _, area) in whole.items()
        },
        float(done.cycles.mean()),
        images,
        mismatches,
        done.reads / images,
        done.writes / images,
    )


def estimate(
    deployment: Deployment,
    technology: str,
    x: np.ndarray,
    *,
    point: int = 0,
    clock: float = 50e6,
    clock_gating: bool = True,
    coefficients: Coefficients | None = None,
    progress: Callable[[], None] | None = None,
) -> Estimate:
    """Energy per inference in a technology, no Liberty file needed.

    Parameters
    ----------
    technology : "sky130", "sg13g2" or "asap7"
    x : float inputs (n, C, H, W)
    point : operating point
    clock : Hz; decides what leakage takes
    coefficients : the default ones where left out
    progress : called after each inference

    Raises
    ------
    InputError : the technology is not known
    MismatchError : cycles are not those predicted, or the accelerator hangs
    ToolError : a tool is missing or fails
    """
    known = known_technology(technology)
    taken = coefficients or default_coefficients(technology)
    design = generic_design(deployment, clock_gating=clock_gating)
    counts = count(deployment, design, x, point=point, progress=progress)
    seconds = counts.cycles / clock
    classes = []
    for name in CLASSES:
        part = counts.classes[name]
        leakage = taken.leakage * part.area
        classes.append(
            ClassEnergy(
                name,
                taken.toggle * part.settled,
                part.toggles / part.settled if part.settled else 1.0,
                taken.pulse * part.pulses,
                # nW are 1e6 fJ/s.
                leakage * seconds * 1e6,
                leakage,
                taken.area * part.area,
            )
        )
    model = design.model
    memories = memory_energies(
        model.netlist.memories, counts.reads, counts.writes, seconds, known.supply, known.feature
    )
    return Estimate(
        technology,
        known.supply,
        clock,
        counts.images,
        counts.mismatches,
        counts.cycles,
        tuple(classes),
        memories,
        len(model.netlist.instances),
        len(model.flip_flops),
        len(model.clock_gates),
        design.buffers,
    )


def quick(
    deployment: Deployment, technology: str, x: np.ndarray, point: int = 0, clock: float = 50e6
) -> Estimate:
    """:func:`estimate` on the first image alone."""
    return estimate(deployment, technology, x[:1], point=point, clock=clock)


def fit(
    counts: Sequence[Count], energies: Sequence[float], wholes: Sequence[float] | None = None
) -> tuple[float, float]:
    """``toggle`` and ``pulse`` of the least sum of squared errors, each as a part of a whole.

    Parameters
    ----------
    counts : of designs, or of classes of modules
    energies : fJ that each takes in the full flow, leakage left out
    wholes : what the error of each is a part of, above 0: of a class of modules the energy of its
        design; left out: the energies, so that errors are relative

    Raises
    ------
    InputError : numbers that differ, wholes that are not above 0, fewer than two counts, or all of
        one ratio of toggles to pulses
    """
    wanted = np.asarray(energies, np.float64)
    weights = wanted if wholes is None else np.asarray(wholes, np.float64)
    found = np.array([(one.toggles, one.pulses) for one in counts], np.float64).reshape(-1, 2)
    if not len(found) == len(wanted) == len(weights):
        raise InputError(
            f"{len(found)} counts, {len(wanted)} energies, {len(weights)} wholes: must be as many"
        )
    if not (weights > 0).all():
        raise InputError(f"a whole of {weights.min():g} fJ: must be above 0")
    rows = found / weights[:, None]
    scale = np.abs(rows).max(0, initial=0.0)
    if len(rows) < 2 or not scale.all() or np.linalg.matrix_rank(rows / scale, 1e-6) < 2:
        raise InputError(
            f"{len(rows)} counts: two coefficients need two or more, of different ratios of "
            "toggles to pulses"
        )
    toggle, pulse = np.linalg.lstsq(rows / scale, wanted / weights)[0] / scale
    return float(toggle), float(pulse)
