"""Buffers for nets that drive more than their cell can."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pann_hw.errors import InputError
from pann_hw.technology.known import Technology
from pann_hw.technology.library import Cell, Library, Output, Table
from rtl_gen.gates.netlist import Instance, Netlist

__all__ = ["buffered", "longest_slew", "most_load"]

_WITHIN = 0.5
"""Largest slew, as a fraction of what most tables of the library end with."""

_STEPS = 20
"""Halvings of the load axis in the search for a load."""


@dataclass(frozen=True)
class _Buffer:
    cell: str
    input: str
    output: str
    capacitance: float
    area: float
    limit: float


@dataclass(frozen=True)
class _Sink:
    # A pin that a net drives: number of the instance, or -1 for what stays where it is.
    instance: int
    pin: str
    path: str
    load: float


def longest_slew(library: Library) -> float:
    """The longest slew in ps that a net should have: half of that with which most tables end."""
    ends = Counter(
        table.slews[-1]
        for cell in library.cells.values()
        for output in cell.outputs.values()
        for table in _slews(output)
    )
    return _WITHIN * ends.most_common(1)[0][0] if ends else math.inf


def most_load(output: Output, slew: float) -> float:
    """FF that an output drives: what its library allows, and with slews up to `slew` at its inputs
    with no longer ones at the output.
    """
    limit = math.inf if output.max_capacitance is None else output.max_capacitance
    for table in _slews(output):
        # Slews rise with the load: the last place on the axis where they are short enough.
        low, high = table.loads[0], table.loads[-1]
        if table.at(slew, high) > slew:
            for _ in range(_STEPS):
                middle = (low + high) / 2
                low, high = (low, middle) if table.at(slew, middle) > slew else (middle, high)
        limit = min(limit, high)
    return limit


def _slews(output: Output) -> Iterator[Table]:
    for arc in output.arcs:
        for table in (arc.rise_slew, arc.fall_slew):
            if table and len(table.slews) > 1 and len(table.loads) > 1:
                yield table


def buffered(
    netlist: Netlist,
    library: Library,
    technology: Technology | None = None,
    wire: float = 0.0,
) -> Netlist:
    """The netlist with a tree of buffers on every net whose cell drives more than it can.

    Sinks are put together in the order of their modules, evenly, as many as a buffer drives; each
    group gets the smallest buffer that drives it, in the module that its sinks have in common; the
    buffers are sinks in their turn, until what is left is little enough. Nets that come from
    outside and from memories are treated as if a buffer drove them. Clocks stay ideal, and have no
    buffers.

    Parameters
    ----------
    netlist : mapped to the library
    technology : whose ``avoided`` cells are not used
    wire : fF of wire for each pin that a net drives

    Raises
    ------
    InputError : the library has no buffer, and one is needed
    """
    slew = longest_slew(library)
    buffers = _buffers(library, technology, slew, wire)
    strongest = max((buffer.limit for buffer in buffers), default=math.inf)
    limits = [strongest] * netlist.nets
    clocks = {netlist.clock}
    sinks: list[list[_Sink]] = [[] for _ in range(netlist.nets)]
    known: dict[str, dict[str, float]] = {}
    for number, instance in enumerate(netlist.instances):
        cell = library.cell(instance.cell)
        if cell.name not in known:
            known[cell.name] = {
                pin: most_load(output, slew) for pin, output in cell.outputs.items()
            }
        for pin, net in instance.pins.items():
            if pin in cell.inputs:
                load = cell.inputs[pin].capacitance + wire
                sinks[net].append(_Sink(number, pin, instance.path, load))
            else:
                limits[net] = known[cell.name][pin]
                if cell.clock_gate:
                    clocks.add(net)
    moved = [dict(instance.pins) for instance in netlist.instances]
    added: list[Instance] = []
    nets = netlist.nets
    for net in range(2, netlist.nets):
        if net in clocks or sum(sink.load for sink in sinks[net]) <= limits[net]:
            continue
        if not buffers:
            raise InputError(
                f"{library.name} has no buffer, and a net drives {len(sinks[net])} pins; give all "
                "Liberty files of the library"
            )
        left = sinks[net]
        while sum(sink.load for sink in left) > limits[net]:
            higher = []
            for group in _groups(left, buffers):
                buffer = _smallest(buffers, sum(sink.load for sink in group))
                path = _common([sink.path for sink in group])
                number = len(netlist.instances) + len(added)
                added.append(Instance(buffer.cell, path, {buffer.output: nets}))
                moved.append({buffer.output: nets})
                for sink in group:
                    moved[sink.instance][sink.pin] = nets
                higher.append(_Sink(number, buffer.input, path, buffer.capacitance + wire))
                nets += 1
            if len(higher) >= len(left):
                # Each buffer is as much of a load as what it drives.
                left = higher
                break
            left = higher
        for sink in left:
            moved[sink.instance][sink.pin] = net
    instances = [
        replace(instance, pins=pins)
        for instance, pins in zip([*netlist.instances, *added], moved, strict=True)
    ]
    return replace(netlist, nets=nets, instances=tuple(instances))


def _buffers(
    library: Library, technology: Technology | None, slew: float, wire: float
) -> list[_Buffer]:
    found = []
    for cell in library.cells.values():
        if _is_buffer(cell) and not (technology and technology.avoids(cell.name)):
            ((name, entry),), ((pin, output),) = cell.inputs.items(), cell.outputs.items()
            limit = most_load(output, slew)
            found.append(_Buffer(cell.name, name, pin, entry.capacitance, cell.area, limit))
    return [buffer for buffer in found if buffer.limit > 2 * (buffer.capacitance + wire)]


def _is_buffer(cell: Cell) -> bool:
    if not cell.usable or len(cell.inputs) != 1 or len(cell.outputs) != 1:
        return False
    function = next(iter(cell.outputs.values())).function
    return function is not None and len(function.inputs) == 1 and function.table == 0b10


def _groups(sinks: Sequence[_Sink], buffers: Sequence[_Buffer]) -> Iterator[list[_Sink]]:
    # As many as the buffer drives that has the least area for its load, evenly.
    limit = min(buffers, key=lambda buffer: buffer.area / buffer.limit).limit
    total = sum(sink.load for sink in sinks)
    share = total / max(math.ceil(total / limit), 2)
    group: list[_Sink] = []
    done = 0.0
    shares = 1
    for sink in sorted(sinks, key=lambda sink: sink.path):
        group.append(sink)
        done += sink.load
        if done >= shares * share - 1e-9 * total:
            yield group
            group = []
            shares += 1
    if group:
        yield group


def _smallest(buffers: Sequence[_Buffer], load: float) -> _Buffer:
    enough = [buffer for buffer in buffers if buffer.limit >= load]
    if not enough:
        return max(buffers, key=lambda buffer: buffer.limit)
    return min(enough, key=lambda buffer: (buffer.area, buffer.capacitance, buffer.cell))


def _common(paths: Sequence[str]) -> str:
    # The path of instances that all have.
    first, last = min(paths).split("."), max(paths).split(".")
    shared = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        shared.append(one)
    return ".".join(shared)
