"""Clock gates in front of clock gates: a module that rests costs a pulse of one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from pann_hw.technology.known import Technology
from pann_hw.technology.library import Cell, ClockGate, Library
from rtl_gen.gates.netlist import ZERO, Instance, Netlist

__all__ = ["nested_clock_gates"]

_LEAST = 4
"""Clock gates of a module that are worth one in front of them."""

_OR = {2: 0b1110, 3: 0b1111_1110, 4: 0b1111_1111_1111_1110}


def nested_clock_gates(
    netlist: Netlist, library: Library, technology: Technology | None = None
) -> Netlist:
    """A netlist in which the clock gates of a module share one in front of them.

    A clock gate takes energy from every pulse of its clock, whether it lets it through or not. The
    one in front is open where any of those behind it is: its enable is the OR of theirs, and what
    they let through stays the same.

    Parameters
    ----------
    netlist : whose clock gates all have the clock itself
    library, technology : the netlist's; cells that the technology avoids are not used
    """
    if _or(library, technology, 2) is None:
        return netlist
    gates: dict[str, list[int]] = defaultdict(list)
    for index, instance in enumerate(netlist.instances):
        if library.cell(instance.cell).clock_gate:
            gates[instance.path].append(index)
    instances = list(netlist.instances)
    nets = netlist.nets
    for path, members in gates.items():
        if len(members) < _LEAST:
            continue
        model = instances[members[0]]
        pins = library.cell(model.cell).clock_gate
        assert pins is not None
        enables = sorted(
            {instances[index].pins[_pins(instances[index], library).enable] for index in members}
        )
        added, enable, nets = _any(enables, path, library, technology, nets)
        clock, nets = nets, nets + 1
        front = {**model.pins, pins.enable: enable, pins.output: clock}
        instances += [*added, Instance(model.cell, path, front)]
        for index in members:
            own = _pins(instances[index], library)
            instances[index] = replace(
                instances[index], pins={**instances[index].pins, own.clock: clock}
            )
    return replace(netlist, nets=nets, instances=tuple(instances))


def _pins(instance: Instance, library: Library) -> ClockGate:
    pins = library.cell(instance.cell).clock_gate
    assert pins is not None
    return pins


def _any(
    signals: list[int],
    path: str,
    library: Library,
    technology: Technology | None,
    nets: int,
) -> tuple[list[Instance], int, int]:
    """Gates that make the OR of some nets, its net, and the number of nets then."""
    signals = [net for net in signals if net != ZERO]
    added = []
    while len(signals) > 1:
        taken, signals = signals[:4], signals[4:]
        cell = None
        while cell is None:
            cell = _or(library, technology, len(taken))
            if cell is None:
                taken, signals = taken[:-1], [taken[-1], *signals]
        (output,) = cell.outputs
        added.append(
            Instance(cell.name, path, {**dict(zip(cell.inputs, taken, strict=True)), output: nets})
        )
        signals.append(nets)
        nets += 1
    return added, signals[0] if signals else ZERO, nets


def _or(library: Library, technology: Technology | None, inputs: int) -> Cell | None:
    found = [
        cell
        for cell in library.cells.values()
        if cell.kind == "logic"
        and cell.usable
        and not (technology and technology.avoids(cell.name))
        and len(cell.inputs) == inputs
        and len(cell.outputs) == 1
        and all(
            output.function is not None
            and output.function.table == _OR[inputs]
            and len(output.inputs) == inputs
            for output in cell.outputs.values()
        )
    ]
    return min(found, key=lambda cell: (cell.area, cell.name), default=None)
