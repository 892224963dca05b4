"""Loads, slews and delays of a netlist's cells, from the tables of its library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pann_hw.technology.library import Cell, Library, Output, Table
from sim.gates.model import GateModel

__all__ = ["Timing", "critical_path", "timing_of"]


@dataclass(frozen=True, eq=False)
class Timing:
    """What the wires and cells of a netlist are like.

    Attributes
    ----------
    loads : float64 (nets,), fF, of pins and wires
    slews : float64 (nets,), ps
    rise, fall : float64 (nets,), ps from an input to the net's edge; of a flip-flop from the clock
    edge_slew : ps, of the clock and of nets that come from outside
    """

    loads: np.ndarray
    slews: np.ndarray
    rise: np.ndarray
    fall: np.ndarray
    edge_slew: float

    @property
    def latest(self) -> float:
        """The longest of all delays of one cell, in ps."""
        return float(max(self.rise.max(), self.fall.max()))


def timing_of(model: GateModel, wire: float = 0.0) -> Timing:
    """Loads, slews and delays.

    A net's load is the capacitance of the pins that it drives and `wire` for each of them. Slews
    go from the flip-flops through the gates; delay and slew of a gate are the means over its
    inputs, each with its own slew. The clock is ideal: it comes everywhere at the same time, with
    the slew that the smallest inverter has with four such inverters as its load.

    Parameters
    ----------
    model : netlist and library
    wire : fF of wire for each pin that a net drives
    """
    netlist, library = model.netlist, model.library
    loads = np.zeros(netlist.nets)
    for instance in netlist.instances:
        for pin, entry in library.cell(instance.cell).inputs.items():
            loads[instance.pins[pin]] += entry.capacitance + wire
    for memory in netlist.memories:
        for write in memory.writes:
            for net in (*write.enable, *write.address, *write.data):
                loads[net] += wire
        for read in memory.reads:
            for net in (read.enable, *read.address):
                loads[net] += wire
    edge_slew = _edge_slew(library)
    slews = np.full(netlist.nets, edge_slew)
    rise, fall = np.zeros(netlist.nets), np.zeros(netlist.nets)
    for flop in model.flip_flops:
        instance = netlist.instances[flop.instance]
        cell = library.cell(instance.cell)
        for pin, output in cell.outputs.items():
            if pin in instance.pins:
                net = instance.pins[pin]
                found = _through(output, {cell.clock or "": edge_slew}, loads[net])
                rise[net], fall[net], slews[net] = found
    for gate in model.gates:
        instance = netlist.instances[gate.instance]
        output = library.cell(instance.cell).outputs[gate.pin]
        before = {name: slews[instance.pins[name]] for name in output.inputs}
        found = _through(output, before, loads[gate.output])
        rise[gate.output], fall[gate.output], slews[gate.output] = found
    return Timing(loads, slews, rise, fall, edge_slew)


def _through(output: Output, slews: dict[str, float], load: float) -> tuple[float, float, float]:
    """Delay of a rise and of a fall, and slew, as means over those inputs."""
    arcs = [arc for arc in output.arcs if arc.related in slews]

    def mean(tables: Iterable[tuple[Table | None, float]]) -> float:
        found = [table.at(slew, load) for table, slew in tables if table]
        return max(sum(found) / len(found), 0.0) if found else 0.0

    rise = mean((arc.rise, slews[arc.related]) for arc in arcs)
    fall = mean((arc.fall, slews[arc.related]) for arc in arcs)
    slew = mean(
        (table, slews[arc.related]) for arc in arcs for table in (arc.rise_slew, arc.fall_slew)
    )
    return rise, fall, slew


def _edge_slew(library: Library) -> float:
    """Slew of the smallest inverter that drives four of its kind."""
    inverter = min(
        (cell for cell in library.cells.values() if _inverts(cell)), key=lambda c: c.area
    )
    (name, entry), output = (
        next(iter(inverter.inputs.items())),
        next(iter(inverter.outputs.values())),
    )
    slew = 0.0
    # A few stages behind each other are enough for the slew to settle.
    for _ in range(8):
        slew = _through(output, {name: slew}, 4 * entry.capacitance)[2]
    return slew


def _inverts(cell: Cell) -> bool:
    if not cell.usable or len(cell.inputs) != 1 or len(cell.outputs) != 1:
        return False
    function = next(iter(cell.outputs.values())).function
    return function is not None and function.table == 0b01


def critical_path(model: GateModel, timing: Timing) -> float:
    """Latest time after a clock edge, in ps, at which a net can still change."""
    arrival = np.maximum(timing.rise, timing.fall)
    for gate in model.gates:
        before = max((arrival[net] for net in gate.inputs), default=0.0)
        arrival[gate.output] = before + max(timing.rise[gate.output], timing.fall[gate.output])
    return float(arrival.max())
