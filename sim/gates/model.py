"""What a netlist of cells does: truth tables in their order, flip-flops, clock gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pann_hw.errors import ToolError
from pann_hw.technology.library import Cell, Function, Library
from rtl_gen.gates.netlist import ONE, ZERO, Instance, Netlist

__all__ = ["ClockGateCell", "FlipFlopCell", "Gate", "GateModel", "gate_model"]


@dataclass(frozen=True)
class Gate:
    """``output`` = bit k of ``table``, where input i is bit i of k.

    ``instance`` and ``pin`` say which output of the netlist it is.
    """

    output: int
    inputs: tuple[int, ...]
    table: int
    instance: int
    pin: str


@dataclass(frozen=True)
class FlipFlopCell:
    """At a rising edge ``output`` takes ``data`` (with ``invert`` its complement).

    ``inverse`` takes the opposite of that.

    ``gate`` is the number of the clock gate that its clock comes from, -1 for the clock itself;
    ``output`` or ``inverse`` is -1 where there is none. The state is 0 at first.
    """

    output: int
    inverse: int
    data: int
    invert: bool
    gate: int
    instance: int


@dataclass(frozen=True)
class ClockGateCell:
    """``output`` has those pulses of ``clock`` before whose rising edge an enable is 1.

    ``clock`` is the clock itself or what a clock gate before this one lets through, which is open
    wherever this one is.
    """

    output: int
    clock: int
    enables: tuple[int, ...]
    instance: int


@dataclass(frozen=True, eq=False)
class GateModel:
    """A netlist as its simulators see it.

    Attributes
    ----------
    netlist, library : what it was made of
    gates : each behind those that drive it
    flip_flops, clock_gates : in the netlist's order
    """

    netlist: Netlist
    library: Library
    gates: tuple[Gate, ...]
    flip_flops: tuple[FlipFlopCell, ...]
    clock_gates: tuple[ClockGateCell, ...]


def gate_model(netlist: Netlist, library: Library) -> GateModel:
    """The model of a netlist that is mapped to a library.

    All flip-flops must see rising edges of the one clock, directly or through one clock gate.

    Raises
    ------
    ToolError : a cell of a kind that cannot be simulated, a clock that is none, a loop of gates
    InputError : a cell that the library lacks
    """
    gates: list[Gate] = []
    clock_gates: list[ClockGateCell] = []
    sequential: list[tuple[int, Instance, Cell]] = []
    for number, instance in enumerate(netlist.instances):
        cell = library.cell(instance.cell)
        if cell.kind == "logic":
            for pin, output in cell.outputs.items():
                if pin in instance.pins:
                    assert output.function is not None
                    gates.append(_gate(instance, number, pin, output.function))
        elif cell.kind == "clock_gate":
            clock_gates.append(_clock_gate(netlist, instance, number, cell))
        elif cell.kind == "flip_flop":
            sequential.append((number, instance, cell))
        else:
            raise ToolError(f"cell {instance.cell} in {instance.path or 'the top'}: a {cell.kind}")
    clocks = {gate.output: index for index, gate in enumerate(clock_gates)} | {netlist.clock: -1}
    for gate in clock_gates:
        if gate.clock not in clocks:
            instance = netlist.instances[gate.instance]
            raise ToolError(
                f"clock gate {instance.cell} in {instance.path or 'the top'}: its clock is neither "
                "clk nor that of a clock gate"
            )
    flip_flops = tuple(
        _flip_flop(instance, number, cell, clocks) for number, instance, cell in sequential
    )
    return GateModel(
        netlist, library, _ordered(gates, netlist.nets), flip_flops, tuple(clock_gates)
    )


def _gate(instance: Instance, number: int, pin: str, function: Function) -> Gate:
    inputs = tuple(instance.pins[name] for name in function.inputs)
    return Gate(instance.pins[pin], inputs, function.table, number, pin)


def _clock_gate(netlist: Netlist, instance: Instance, number: int, cell: Cell) -> ClockGateCell:
    pins = cell.clock_gate
    assert pins is not None
    enables = [instance.pins[pin] for pin in (pins.enable, pins.test) if pin]
    return ClockGateCell(
        instance.pins[pins.output],
        instance.pins[pins.clock],
        tuple(net for net in enables if net != ZERO),
        number,
    )


def _flip_flop(
    instance: Instance, number: int, cell: Cell, clocks: Mapping[int, int]
) -> FlipFlopCell:
    kind = cell.flip_flop
    assert kind is not None
    where = f"flip-flop {instance.cell} in {instance.path or 'the top'}"
    clock = instance.pins[kind.clock]
    if clock not in clocks or not kind.rising:
        raise ToolError(f"{where}: its clock is not a rising edge of clk or of a clock gate")
    for name, function in (("clear", kind.clear), ("preset", kind.preset)):
        if function and _constant(function, instance) != 0:
            raise ToolError(f"{where}: its {name} is used")
    data, invert = _follows(kind.next_state, instance, where)
    output = inverse = -1
    for pin, made in cell.outputs.items():
        if pin not in instance.pins or made.function is None:
            continue
        (state,) = made.function.inputs
        straight = (state == kind.state[0]) == (made.function.table == 0b10)
        if straight:
            output = instance.pins[pin]
        else:
            inverse = instance.pins[pin]
    return FlipFlopCell(output, inverse, data, invert, clocks[clock], number)


def _constant(function: Function, instance: Instance) -> int | None:
    """The function's value where all its inputs are constants."""
    values = [instance.pins[name] for name in function.inputs]
    if any(net not in (ZERO, ONE) for net in values):
        return None
    return function.value(dict(zip(function.inputs, values, strict=True)))


def _follows(function: Function, instance: Instance, where: str) -> tuple[int, bool]:
    """The net that a next state is, or is the complement of, with constants at other pins."""
    constants = {
        name: net for name in function.inputs if (net := instance.pins[name]) in (ZERO, ONE)
    }
    free = [name for name in function.inputs if name not in constants]
    if not free:
        return (ONE if function.value(constants) else ZERO), False
    if len(free) == 1:
        low, high = (function.value({**constants, free[0]: value}) for value in (0, 1))
        if low != high:
            return instance.pins[free[0]], bool(low)
        return (ONE if low else ZERO), False
    raise ToolError(f"{where}: its next state depends on {', '.join(free)}, must be one pin")


def _ordered(gates: list[Gate], nets: int) -> tuple[Gate, ...]:
    """Each gate behind those that drive it."""
    driver = np.full(nets, -1, np.int64)
    for number, gate in enumerate(gates):
        driver[gate.output] = number
    missing = np.zeros(len(gates), np.int64)
    readers: list[list[int]] = [[] for _ in gates]
    for number, gate in enumerate(gates):
        for net in gate.inputs:
            if driver[net] >= 0:
                missing[number] += 1
                readers[driver[net]].append(number)
    ready = [number for number in range(len(gates)) if not missing[number]]
    for number in ready:
        for reader in readers[number]:
            missing[reader] -= 1
            if not missing[reader]:
                ready.append(reader)
    if len(ready) < len(gates):
        loop = next(gate for number, gate in enumerate(gates) if missing[number])
        raise ToolError(f"a loop of gates goes through net {loop.output}")
    return tuple(gates[number] for number in ready)
