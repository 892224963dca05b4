"""Energies of a Liberty cell's pins, one for all the conditions that the file tells apart.

Of an output, tables for several conditions, `when`, become one, their mean. Of an input they become
their mean weighted by the states that each is for, and the share of all states that they are for. A
table that is a plain 0 marks an edge that the table of an output covers, and is left out. One
without a condition among others with one is for what is left over.

Tables for a ground pin, which some libraries have beside those for the supply, are left out: what
comes from the supply leaves through ground, and over a rise and a fall both rows of tables say the
same (in ASAP7 within 6 % for nine in ten gates), so that the sum would count the energy twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from liberty.types import Group

from pann_hw.technology.boolean import columns, evaluate
from pann_hw.technology.library import ClockGate, Energy, FlipFlop, Function, Latch, Table
from pann_hw.technology.tables import Tables, attribute, mean

__all__ = ["States", "input_energies", "output_energies", "states"]


@dataclass(frozen=True)
class States:
    """All combinations of a cell's inputs and state, one bit for each in every column.

    Attributes
    ----------
    inputs : names whose columns are those of a truth table: bit i of the number of a state
    values : column of each pin and state name
    ones : all states
    calm : those in which neither clear nor preset is active
    asynchronous : pins that clear or preset
    """

    inputs: tuple[str, ...]
    values: dict[str, int]
    ones: int
    calm: int
    asynchronous: frozenset[str]


def states(
    inputs: Sequence[str],
    held: FlipFlop | Latch | ClockGate | None,
    outputs: Mapping[str, Function],
) -> States:
    """All states of a cell with these inputs, this state and these output functions."""
    state = () if held is None else (held.state,) if isinstance(held, ClockGate) else held.state
    names = (*inputs, *state[:1])
    values = columns(names)
    ones = (1 << (1 << len(names))) - 1
    if len(state) == 2:
        values[state[1]] = ones & ~values[state[0]]
    for name, function in outputs.items():
        values[name] = _column(function, values, ones)
    calm, asynchronous = ones, frozenset[str]()
    if held and not isinstance(held, ClockGate):
        for forced in filter(None, (held.clear, held.preset)):
            asynchronous |= set(forced.inputs)
            calm &= ~_column(forced, values, ones)
    return States(names, values, ones, calm, asynchronous)


def _column(function: Function, values: Mapping[str, int], ones: int) -> int:
    # The function's value in each state: the OR of its minterms.
    result = 0
    for row in range(1 << len(function.inputs)):
        if function.table >> row & 1:
            minterm = ones
            for bit, name in enumerate(function.inputs):
                minterm &= values[name] if row >> bit & 1 else ~values[name]
            result |= minterm
    return result


def output_energies(
    pin: Group, inputs: Sequence[str], tables: Tables, ground: Set[str]
) -> tuple[Energy, ...]:
    """Energies of an output, one for each input that it is related to and each supply."""
    found = defaultdict(list)
    for supply, group in _supplied(pin, ground):
        for related in attribute(group, "related_pin").split():
            if related in inputs:
                found[related, supply].append(group)
    return tuple(
        Energy(related, _mean(groups, "rise", tables), _mean(groups, "fall", tables))
        for (related, _), groups in found.items()
    )


def input_energies(
    pin: Group, name: str, known: States | None, tables: Tables, ground: Set[str]
) -> tuple[Energy, ...]:
    """Energies of an input, one for each supply; without states, a plain mean over conditions.

    Raises
    ------
    ValueError : a condition is no expression of pins
    """
    found = defaultdict(list)
    for supply, group in _supplied(pin, ground):
        found[supply].append(group)
    energies = []
    for groups in found.values():
        if known is None or not any(attribute(group, "when") for group in groups):
            rise, fall = (_mean(groups, edge, tables) for edge in ("rise", "fall"))
            energies.append(Energy(None, rise, fall))
        else:
            rise, rise_share = _weighted(name, groups, "rise", tables, known)
            fall, fall_share = _weighted(name, groups, "fall", tables, known)
            energies.append(Energy(None, rise, fall, rise_share, fall_share))
    return tuple(energies)


def _supplied(pin: Group, ground: Set[str]) -> Iterator[tuple[str, Group]]:
    for group in pin.get_groups("internal_power"):
        supply = attribute(group, "related_pg_pin")
        if supply not in ground:
            yield supply, group


def _powers(group: Group, edge: str, tables: Tables) -> list[Table]:
    # `power` stands for both edges.
    found = group.get_groups(f"{edge}_power") or group.get_groups("power")
    return [tables.energy(table) for table in found]


def _mean(groups: Sequence[Group], edge: str, tables: Tables) -> Table:
    groups = [group for group in groups if attribute(group, "when")] or groups
    powers = [table for group in groups for table in _powers(group, edge, tables)]
    powers = [table for table in powers if not table.zero]
    return mean(powers, [1.0] * len(powers)) if powers else Table.constant(0.0)


def _weighted(
    name: str, groups: Sequence[Group], edge: str, tables: Tables, known: States
) -> tuple[Table, float]:
    # States of all but the pin itself are those in which it is 0.
    pin = known.values[name]
    distance = 1 << known.inputs.index(name)
    low = known.ones & ~pin
    if name not in known.asynchronous and low & known.calm:
        low &= known.calm
    left = low
    powers, weights, rest = [], [], []
    for group in groups:
        for table in _powers(group, edge, tables):
            when = attribute(group, "when")
            if not when:
                rest.append(table)
                continue
            try:
                holds = evaluate(when, known.values, known.ones)
            except ValueError as error:
                raise ValueError(f'when "{when}": {error}') from None
            # The pin is on its way; the condition is of the others, at either of its values.
            covered = (holds | (holds & pin) >> distance) & low
            left &= ~covered
            if not table.zero:
                powers.append(table)
                weights.append(float(covered.bit_count()))
    for table in rest:
        if not table.zero:
            powers.append(table)
            weights.append(left.bit_count() / len(rest))
    if not sum(weights):
        return Table.constant(0.0), 1.0
    return mean(powers, weights), min(sum(weights) / low.bit_count(), 1.0)
