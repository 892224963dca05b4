"""What a change of each net of a mapped netlist takes, from the tables of its library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.technology.library import Cell, Energy, Library
from rtl_gen.gates.netlist import Instance
from sim.gates.model import GateModel
from sim.gates.timing import Timing

__all__ = ["EnergyWeights", "ModuleEnergy", "energy_weights"]


@dataclass(frozen=True)
class ModuleEnergy:
    """Energy of one module's own cells, those of its submodules left out, in fJ.

    Attributes
    ----------
    logic : nets that its cells drive, and inside of its cells
    clock : its clock pins, inside of its flip-flops and clock gates at clock edges, its gated
        clocks
    leakage : nW, whatever happens
    area : square micrometres
    """

    logic: float
    clock: float
    leakage: float
    area: float


@dataclass(frozen=True, eq=False)
class EnergyWeights:
    """Energy is linear in the changes of nets: ``sum over entries of changes[net] * energy``.

    Attributes
    ----------
    modules : paths of instances
    leakage, area : float64 (modules,), nW and square micrometres
    net, module, clock, energy : of each entry: the net, number of the module, whether it is for the
        clock, fJ per change
    """

    modules: tuple[str, ...]
    leakage: np.ndarray
    area: np.ndarray
    net: np.ndarray
    module: np.ndarray
    clock: np.ndarray
    energy: np.ndarray

    def energies(self, changes: np.ndarray) -> dict[str, ModuleEnergy]:
        """Energy by module, of changes (nets,): settled toggles, or all with glitches."""
        taken = changes[self.net] * self.energy
        sums = np.zeros((len(self.modules), 2))
        np.add.at(sums, (self.module, self.clock.astype(np.int64)), taken)
        return {
            path: ModuleEnergy(
                float(sums[index, 0]),
                float(sums[index, 1]),
                float(self.leakage[index]),
                float(self.area[index]),
            )
            for index, path in enumerate(self.modules)
        }


class _Entries:
    def __init__(self) -> None:
        self.modules: dict[str, int] = {}
        self.rows: list[tuple[int, int, bool, float]] = []

    def add(self, net: int, path: str, energy: float, *, clock: bool = False) -> None:
        if energy:
            self.rows.append((net, self.number(path), clock, energy))

    def number(self, path: str) -> int:
        return self.modules.setdefault(path, len(self.modules))


def energy_weights(model: GateModel, timing: Timing) -> EnergyWeights:
    """Energies of all nets.

    A change of a net takes 0.5 C V^2, C its load, and what the tables have for the cell that drives
    it (the mean over its inputs and over rise and fall, each at its slew and load) and for the pins
    that it drives. Energy that a clock pin takes only in cycles that change no output is not taken
    in the others. All is the module's that has the cell: of the net's load the driver's, of the
    pins the sink's; a clock's load is the sinks'. What memories drive is theirs, by their names;
    what comes from outside is the top module's.

    Source of the model: NLPM tables as in the Liberty format, without the state of a cell's other
    inputs.
    """
    netlist, library = model.netlist, model.library
    half = 0.5 * library.voltage**2
    entries = _Entries()
    clocks = {netlist.clock, *(gate.output for gate in model.clock_gates)}
    for instance in netlist.instances:
        cell = library.cell(instance.cell)
        for pin, output in cell.outputs.items():
            net = instance.pins.get(pin)
            if net is None:
                continue
            gated = net in clocks
            if not gated:
                entries.add(net, instance.path, half * timing.loads[net])
            inside = _mean(instance, output.energies, timing, timing.loads[net])
            entries.add(net, instance.path, inside, clock=gated)
        _pins(entries, instance, cell, library, timing, clocks)
    for memory in netlist.memories:
        for read in memory.reads:
            for net in read.data:
                entries.add(net, memory.name, half * timing.loads[net])
    for nets in netlist.inputs.values():
        for net in nets:
            if net not in clocks:
                entries.add(net, "", half * timing.loads[net])
    leakage = np.zeros(len(netlist.instances))
    area = np.zeros(len(netlist.instances))
    owner = np.array([entries.number(instance.path) for instance in netlist.instances], np.int64)
    for index, instance in enumerate(netlist.instances):
        cell = library.cell(instance.cell)
        leakage[index], area[index] = cell.leakage, cell.area
    count = len(entries.modules)
    nets, modules, clocked, energies = zip(*entries.rows, strict=True)
    return EnergyWeights(
        tuple(entries.modules),
        np.bincount(owner, leakage, count),
        np.bincount(owner, area, count),
        np.array(nets, np.int64),
        np.array(modules, np.int64),
        np.array(clocked, bool),
        np.array(energies),
    )


def _pins(
    entries: _Entries,
    instance: Instance,
    cell: Cell,
    library: Library,
    timing: Timing,
    clocks: set[int],
) -> None:
    """What the cell's input pins take, and of clock pins their load."""
    half = 0.5 * library.voltage**2
    for pin, entry in cell.inputs.items():
        net = instance.pins[pin]
        if net not in clocks:
            slew = timing.slews[net]
            taken = sum(
                e.rise.at(slew, 0.0) * e.rise_share + e.fall.at(slew, 0.0) * e.fall_share
                for e in entry.energies
            )
            entries.add(net, instance.path, taken / 2)
            continue
        slew = timing.edge_slew
        entries.add(net, instance.path, half * entry.capacitance, clock=True)
        for e in entry.energies:
            rise, fall = e.rise.at(slew, 0.0), e.fall.at(slew, 0.0)
            entries.add(net, instance.path, (rise + fall) / 2, clock=True)
            if e.rise_share < 1:
                # A pulse that changes an output takes what the output's table says instead.
                _spare(entries, instance, cell, rise)


def _spare(entries: _Entries, instance: Instance, cell: Cell, rise: float) -> None:
    outputs = [instance.pins[pin] for pin in cell.outputs if pin in instance.pins]
    if outputs:
        # Of a gated clock a pulse is two changes.
        entries.add(outputs[0], instance.path, -rise / (2 if cell.clock_gate else 1), clock=True)


def _mean(instance: Instance, energies: tuple[Energy, ...], timing: Timing, load: float) -> float:
    """Mean over the inputs, and over rise and fall, of the energy inside of a cell."""
    found = []
    for energy in energies:
        assert energy.related is not None
        net = instance.pins[energy.related]
        if net < 2:
            continue
        slew = timing.slews[net]
        found.append((energy.rise.at(slew, load) + energy.fall.at(slew, load)) / 2)
    return sum(found) / len(found) if found else 0.0
