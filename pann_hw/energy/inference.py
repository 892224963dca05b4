"""Energy per inference of a program on an accelerator of standard cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pann_hw.energy.classes import CLASSES, class_of
from pann_hw.energy.glitches import glitches, spread_windows
from pann_hw.energy.memories import MemoryEnergy, memory_energies
from pann_hw.energy.weights import EnergyWeights, energy_weights
from pann_hw.errors import InputError, MismatchError
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.cycles import CyclePredictor, linear_words
from pann_hw.program.deployment import Deployment
from pann_hw.program.stores import network_order
from pann_hw.technology.known import Technology
from pann_hw.technology.library import Library
from rtl_gen.accelerator import Accelerator
from rtl_gen.gates.buffer import buffered
from rtl_gen.gates.clock_tree import nested_clock_gates
from rtl_gen.gates.map import clock_gate_of, map_to_gates
from sim.gates.icarus import require_icarus, run_icarus
from sim.gates.model import GateModel, gate_model
from sim.gates.timing import Timing, critical_path, timing_of
from sim.gates.zero_delay import GateRun, run_gates
from sim.signals import TOP

__all__ = [
    "ClassEnergy",
    "GateDesign",
    "InferenceEnergy",
    "PerInference",
    "by_class",
    "checked_run",
    "gate_design",
    "inference_energy",
    "predicted_cycles",
]


@dataclass(frozen=True, eq=False)
class GateDesign:
    """An accelerator in cells of a library.

    Attributes
    ----------
    model, timing, weights : what it does, how fast, what a change of each net takes
    technology : None for a library that is not known
    buffers : cells that were added for large fan-outs
    """

    model: GateModel
    timing: Timing
    weights: EnergyWeights
    technology: Technology | None
    buffers: int

    @property
    def area(self) -> float:
        """Square micrometres of all cells."""
        return float(self.weights.area.sum())

    @property
    def critical_path(self) -> float:
        """Ps from a clock edge until the last net is still."""
        return critical_path(self.model, self.timing)


@dataclass(frozen=True)
class ClassEnergy:
    """One class of modules, per inference, in fJ.

    Attributes
    ----------
    name : one of :data:`pann_hw.energy.classes.CLASSES`
    settled : of its logic, if no net changed more than once a cycle
    glitch_factor : by which glitches raise that, from the windows; 1 without windows
    clock : of clock pins, flip-flops and clock gates at clock edges, gated clocks
    leakage : for as long as an inference takes
    leakage_power : nW
    area : square micrometres
    """

    name: str
    settled: float
    glitch_factor: float
    clock: float
    leakage: float
    leakage_power: float
    area: float

    @property
    def logic(self) -> float:
        """Of its logic, glitches included."""
        return self.settled * self.glitch_factor

    @property
    def energy(self) -> float:
        """All of it."""
        return self.logic + self.clock + self.leakage


class PerInference:
    """What follows from the classes' energies (fJ), cycles, and the clock (Hz) of an inference."""

    classes: tuple[ClassEnergy, ...]
    cycles: float
    clock: float

    @property
    def energy(self) -> float:
        """Of all cells, leakage for as long as the inference takes included, without memories."""
        return sum(item.energy for item in self.classes)

    @property
    def seconds(self) -> float:
        """That an inference takes."""
        return self.cycles / self.clock

    @property
    def rate(self) -> float:
        """Inferences per second, one after another."""
        return 1 / self.seconds


@dataclass(frozen=True)
class InferenceEnergy(PerInference):
    """Energy per inference, mean over the images; fJ where nothing else is said.

    Attributes
    ----------
    library, voltage : name and supply (V)
    technology : its name, None where it is not known
    clock : Hz
    images : inferences on the gates
    mismatches : outputs that are not those of the integer network
    cycles : per inference
    windows, window_cycles : replayed with delays, their number and length; 0 windows: no glitches
    deviation : standard deviation of `energy` for glitches being sampled; nan for less than 2
        windows
    classes : of modules, all of :data:`pann_hw.energy.classes.CLASSES`
    memories : estimates; empty where the technology is not known
    cells, flip_flops, clock_gates, buffers : numbers of cells, the last three among the first
    critical_path, longest_slew : ps
    """

    library: str
    voltage: float
    technology: str | None
    clock: float
    images: int
    mismatches: int
    cycles: float
    windows: int
    window_cycles: int
    deviation: float
    classes: tuple[ClassEnergy, ...]
    memories: tuple[MemoryEnergy, ...]
    cells: int
    flip_flops: int
    clock_gates: int
    buffers: int
    critical_path: float
    longest_slew: float

    @property
    def memory_energy(self) -> float | None:
        """The estimate for all memories; None where there is none."""
        return sum(item.energy for item in self.memories) if self.memories else None

    def power(self, energy: float) -> float:
        """W, where inferences that take this much follow each other without a pause."""
        return energy * 1e-15 / self.seconds


def gate_design(
    deployment: Deployment,
    library: Library,
    files: Sequence[Path],
    technology: Technology | None = None,
    *,
    clock_gating: bool = True,
    wire: float = 0.0,
) -> GateDesign:
    """The accelerator of a deployment's configuration as gates.

    Parameters
    ----------
    library, files : the library, and the Liberty files that it was read from
    technology : the library's, None where it is not known
    wire : fF of wire for each pin that a net drives

    Raises
    ------
    InputError : the library lacks a clock gate or a buffer that is needed
    ToolError : a tool is missing or fails
    """
    if clock_gating:
        # Says what is wrong before the accelerator is elaborated, which takes seconds.
        clock_gate_of(library, technology)
    accelerator = Accelerator(deployment.config)
    mapped = map_to_gates(accelerator, TOP, library, files, technology, clock_gating=clock_gating)
    if clock_gating:
        mapped = nested_clock_gates(mapped, library, technology)
    netlist = buffered(mapped, library, technology, wire)
    model = gate_model(netlist, library)
    timing = timing_of(model, wire)
    buffers = len(netlist.instances) - len(mapped.instances)
    return GateDesign(model, timing, energy_weights(model, timing), technology, buffers)


def inference_energy(
    deployment: Deployment,
    design: GateDesign,
    x: np.ndarray,
    *,
    point: int = 0,
    clock: float = 50e6,
    windows: int = 8,
    window_cycles: int = 60,
    progress: Callable[[], None] | None = None,
) -> InferenceEnergy:
    """Run inferences of one operating point on the gates, and add up what they take.

    Every net's toggles are counted over whole inferences, without delays. Windows of cycles spread
    evenly over the first inference are run again with delays, so that glitches count; the ratio of
    energies with and without glitches there scales, class by class, the energy of the logic of
    the whole inference. Clock and leakage need no such estimate.

    Parameters
    ----------
    deployment : design is its accelerator
    x : float inputs (n, C, H, W)
    point : operating point
    clock : Hz
    windows, window_cycles : number and length; 0 windows: glitches are left out
    progress : called after each inference and each window

    Raises
    ------
    InputError : the clock is faster than the gates
    MismatchError : cycles are not those predicted, the accelerator hangs, or the two simulators
        differ
    ToolError : a tool is missing or fails
    """
    if windows:
        require_icarus()
    fastest = 1e12 / design.critical_path
    if clock > fastest:
        raise InputError(
            f"clock = {clock / 1e6:g} MHz: these gates take at most {fastest / 1e6:.1f} MHz; "
            "choose a slower clock"
        )
    cycles = int(predicted_cycles(deployment, x[:1], point)[0])
    spans = spread_windows(cycles, windows, window_cycles)
    done, mismatches = checked_run(
        deployment, design, x, point=point, windows=spans, progress=progress
    )
    return _added_up(design, done, mismatches, clock, spans, progress)


def checked_run(
    deployment: Deployment,
    design: GateDesign,
    x: np.ndarray,
    *,
    point: int = 0,
    windows: Sequence[tuple[int, int]] = (),
    progress: Callable[[], None] | None = None,
) -> tuple[GateRun, int]:
    """Inferences on the gates, without delays, and how many outputs are not the integer network's.

    Parameters
    ----------
    x : float inputs (n, C, H, W)
    windows : start and length of what is to be replayed with delays
    progress : called after each inference

    Raises
    ------
    MismatchError : cycles are not those predicted, or the accelerator hangs
    ToolError : a tool is missing or fails
    """
    network, program = deployment.networks[point], deployment.programs[point]
    inputs = quantise_input(network, x)
    predicted = predicted_cycles(deployment, x, point)
    done = run_gates(
        design.model,
        deployment.image,
        inputs.reshape(len(x), -1).astype(np.uint8),
        point,
        int(np.prod(program.output_shape)),
        windows=windows,
        progress=progress,
    )
    if (done.cycles != predicted).any():
        image = int(np.flatnonzero(done.cycles != predicted)[0])
        raise MismatchError(
            f"gates: image {image} took {done.cycles[image]} cycles, {predicted[image]} were "
            "predicted"
        )
    expected = run(network, inputs)[network.layers[-1].output.name].numpy().reshape(len(x), -1)
    return done, int((network_order(program, done.outputs) != expected).sum())


def predicted_cycles(deployment: Deployment, x: np.ndarray, point: int) -> np.ndarray:
    """Cycles of each inference, as predicted."""
    inputs = quantise_input(deployment.networks[point], x)
    words = linear_words(deployment.programs[point], inputs)
    schedules = CyclePredictor(deployment.image).schedules(point, words)
    return np.array([schedule.cycles for schedule in schedules])


def _added_up(
    design: GateDesign,
    done: GateRun,
    mismatches: int,
    clock: float,
    spans: Sequence[tuple[int, int]],
    progress: Callable[[], None] | None,
) -> InferenceEnergy:
    model, weights = design.model, design.weights
    images, cycles = len(done.cycles), float(done.cycles.mean())
    seconds = cycles / clock
    whole = by_class(weights, done.toggles / images)
    settled, changed = [], []
    for window in done.windows:
        found = run_icarus(model, window, design.timing)
        settled.append(_logic(by_class(weights, found.settled)))
        changed.append(_logic(by_class(weights, found.changes)))
        if progress:
            progress()
    scaled = glitches(_logic(whole), settled, changed)
    classes = tuple(
        ClassEnergy(
            name,
            logic,
            scaled.factors[name],
            edges,
            # nW are 1e6 fJ/s.
            leakage * seconds * 1e6,
            leakage,
            area,
        )
        for name, (logic, edges, leakage, area) in whole.items()
    )
    technology, library = design.technology, model.library
    memories: tuple[MemoryEnergy, ...] = ()
    if technology:
        reads, writes = done.reads / images, done.writes / images
        memories = memory_energies(
            model.netlist.memories, reads, writes, seconds, library.voltage, technology.feature
        )
    return InferenceEnergy(
        library.name,
        library.voltage,
        technology.name if technology else None,
        clock,
        images,
        mismatches,
        cycles,
        len(spans),
        spans[0][1] if spans else 0,
        scaled.deviation,
        classes,
        memories,
        len(model.netlist.instances),
        len(model.flip_flops),
        len(model.clock_gates),
        design.buffers,
        design.critical_path,
        float(design.timing.slews.max()),
    )


def by_class(
    weights: EnergyWeights, changes: np.ndarray
) -> dict[str, tuple[float, float, float, float]]:
    """Logic and clock (fJ), leakage (nW) and area of each class."""
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(4))
    for path, module in weights.energies(changes).items():
        sums[class_of(path)] += (module.logic, module.clock, module.leakage, module.area)
    return {name: tuple(sums[name].tolist()) for name in CLASSES}


def _logic(classes: Mapping[str, tuple[float, float, float, float]]) -> dict[str, float]:
    return {name: figures[0] for name, figures in classes.items()}
