"""Typed cells from the groups of a parsed Liberty file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liberty.types import Group

from pann_hw.technology.boolean import columns, evaluate, function
from pann_hw.technology.library import (
    Arc,
    Cell,
    ClockGate,
    Energy,
    FlipFlop,
    Function,
    Input,
    Latch,
    Output,
    Table,
)
from pann_hw.technology.tables import Tables, attribute, mean, number

__all__ = ["read_cell"]

_SPECIAL = (
    "is_decap_cell",
    "is_filler_cell",
    "is_isolation_cell",
    "is_level_shifter",
    "is_macro_cell",
    "always_on",
    "retention_cell",
    "switch_cell_type",
)
"""Attributes of cells that synthesis does not place; "false" is as good as none."""

_ARCS = (
    "",
    "combinational",
    "combinational_rise",
    "combinational_fall",
    "rising_edge",
    "falling_edge",
    "clear",
    "preset",
)
"""Kinds of timing that are delays of a two-state output; the others are constraints."""

_GATES = ("latch_posedge", "latch_posedge_precontrol")
"""Clock gates whose state is `enable | test`, latched while the clock is low."""

_SENSES = {"positive_unate": "positive", "negative_unate": "negative"}

_CLOCKED_ON = re.compile(r"\s*\(?\s*(!?)\s*\(?\s*([\w\[\]]+)\s*\)?\s*('?)\s*\)?\s*")


@dataclass(frozen=True)
class _States:
    # All states of a cell: a column for each name, and those in which no clear or preset is active.
    inputs: tuple[str, ...]
    values: dict[str, int]
    ones: int
    calm: int
    asynchronous: tuple[str, ...]


def read_cell(group: Group, tables: Tables) -> Cell:
    """The cell of a `cell` group.

    Energies for several conditions, `when`, become one: of an output and of a delay the mean; of
    an input the mean weighted by the states that each is for. A condition whose table is a plain 0
    marks an edge that an output's table covers, and is left out. A table without a condition among
    others with one is for what is left over. Those for a ground pin, which some libraries have
    beside those of the supply, are left out: over a rise and a fall the same charge leaves through
    ground that came from the supply, and the same energy would be counted twice.

    Parameters
    ----------
    group : the cell
    tables : units and templates of its library

    Raises
    ------
    ValueError : what is wrong with it
    """
    pins = {_name(pin): pin for pin in group.get_groups("pin")}
    directions = {name: attribute(pin, "direction") for name, pin in pins.items()}
    names = [name for name, direction in directions.items() if direction == "input"]
    driven = [name for name, direction in directions.items() if direction == "output"]
    cell = _Reader(group, tables, pins, names)
    kind, held = cell.kind(driven)
    states = None if kind == "other" else cell.states(held, driven)
    outputs = {
        name: Output(
            None if kind == "other" else cell.output_function(name, held),
            cell.arcs(name),
            cell.output_energies(name),
            cell.limit(name),
        )
        for name in driven
    }
    inputs = {
        name: Input(
            cell.capacitance(name),
            attribute(pins[name], "clock") == "true",
            cell.input_energies(name, states),
        )
        for name in names
    }
    return Cell(
        name=_name(group),
        area=number(group, "area", 0.0),
        leakage=cell.leakage(),
        kind=kind,
        dont_use=attribute(group, "dont_use") == "true",
        inputs=inputs,
        outputs=outputs,
        flip_flop=held if isinstance(held, FlipFlop) else None,
        latch=held if isinstance(held, Latch) else None,
        clock_gate=held if isinstance(held, ClockGate) else None,
    )


class _Reader:
    # One cell while it is read.

    def __init__(
        self, group: Group, tables: Tables, pins: dict[str, Group], inputs: list[str]
    ) -> None:
        self._group, self._tables, self._pins, self._inputs = group, tables, pins, inputs
        self._ground = {
            _name(pin)
            for pin in group.get_groups("pg_pin")
            if "ground" in attribute(pin, "pg_type")
        } | tables.ground

    def kind(self, driven: Sequence[str]) -> tuple[str, FlipFlop | Latch | ClockGate | None]:
        """What the cell is, and what holds its state."""
        group = self._group
        directions = {attribute(pin, "direction") for pin in self._pins.values()}
        if (
            not driven
            or not directions <= {"input", "output", "internal"}
            or any(attribute(group, name) not in ("", "false") for name in _SPECIAL)
            or any(attribute(pin, "three_state") for pin in self._pins.values())
            or any(group.get_groups(name) for name in ("bus", "bundle", "ff_bank", "latch_bank"))
        ):
            return "other", None
        stateful = group.get_groups("ff") + group.get_groups("latch")
        stateful += group.get_groups("statetable")
        if attribute(group, "clock_gating_integrated_cell") in _GATES:
            return self._clock_gate(driven)
        if any(not attribute(self._pins[name], "function") for name in driven) or len(stateful) > 1:
            return "other", None
        if not stateful:
            return "logic", None
        kind = stateful[0].group_name
        if kind == "ff":
            return self._flip_flop(stateful[0])
        return ("latch", self._latch(stateful[0])) if kind == "latch" else ("other", None)

    def _clock_gate(self, driven: Sequence[str]) -> tuple[str, ClockGate | None]:
        def pin(role: str) -> str | None:
            found = [n for n, p in self._pins.items() if attribute(p, f"clock_gate_{role}_pin")]
            return found[0] if len(found) == 1 else None

        clock, enable, test, output = map(pin, ("clock", "enable", "test", "out"))
        internal = [n for n, p in self._pins.items() if attribute(p, "direction") == "internal"]
        if not clock or not enable or not output or len(internal) != 1 or driven != [output]:
            return "other", None
        gate = ClockGate(clock, enable, test, output, internal[0])
        shape = self.output_function(output, gate)
        if shape != Function((clock, internal[0]), 0b1000):
            return "other", None
        return "clock_gate", gate

    def _flip_flop(self, group: Group) -> tuple[str, FlipFlop | None]:
        match = _CLOCKED_ON.fullmatch(attribute(group, "clocked_on"))
        if not match or attribute(group, "clocked_on_also"):
            return "other", None
        state = self._state(group)
        inverted = (match[1] == "!") != (match[3] == "'")
        if match[2] not in self._inputs:
            raise ValueError(f"clocked_on: {match[2]} is no pin")
        return "flip_flop", FlipFlop(
            state,
            match[2],
            not inverted,
            self._needed(group, "next_state", state),
            self._function(group, "clear", state),
            self._function(group, "preset", state),
            _both(group),
        )

    def _latch(self, group: Group) -> Latch:
        state = self._state(group)
        return Latch(
            state,
            self._needed(group, "enable", state),
            self._needed(group, "data_in", state),
            self._function(group, "clear", state),
            self._function(group, "preset", state),
            _both(group),
        )

    def _state(self, group: Group) -> tuple[str, str]:
        names = [_plain(name) for name in group.args]
        if len(names) != 2:
            raise ValueError(f"{group.group_name} has {len(names)} state names instead of 2")
        return names[0], names[1]

    def _needed(self, group: Group, name: str, state: Sequence[str]) -> Function:
        found = self._function(group, name, state)
        if found is None:
            raise ValueError(f"{group.group_name} lacks {name}")
        return found

    def _function(self, group: Group, name: str, state: Sequence[str]) -> Function | None:
        text = attribute(group, name)
        if not text:
            return None
        try:
            return function(text, [*self._inputs, *state])
        except ValueError as error:
            raise ValueError(f'{name} "{text}": {error}') from None

    def output_function(self, name: str, held: FlipFlop | Latch | ClockGate | None) -> Function:
        """The function of an output, of inputs and state."""
        if isinstance(held, ClockGate):
            return self._needed(self._pins[name], "state_function", (held.state,))
        return self._needed(self._pins[name], "function", held.state if held else ())

    def states(
        self, held: FlipFlop | Latch | ClockGate | None, driven: Sequence[str]
    ) -> _States | None:
        """All combinations of inputs and state, with the value of each pin in each."""
        if isinstance(held, ClockGate):
            names: tuple[str, ...] = (*self._inputs, held.state)
        else:
            names = (*self._inputs, held.state[0]) if held else tuple(self._inputs)
        ones = (1 << (1 << len(names))) - 1
        values = columns(names)
        asynchronous: tuple[str, ...] = ()
        calm = ones
        if held and not isinstance(held, ClockGate):
            values[held.state[1]] = ones & ~values[held.state[0]]
        for name in driven:
            held_function = self.output_function(name, held)
            values[name] = _column(held_function, values, ones)
        if held and not isinstance(held, ClockGate):
            for forced in filter(None, (held.clear, held.preset)):
                asynchronous += forced.inputs
                calm &= ~_column(forced, values, ones)
        return _States(names, values, ones, calm, asynchronous)

    def arcs(self, name: str) -> tuple[Arc, ...]:
        """Delays of an output, one arc for each input that has any."""
        found = defaultdict(list)
        for group in self._pins[name].get_groups("timing"):
            if attribute(group, "timing_type") in _ARCS:
                for related in self._related(group):
                    found[related].append(group)
        return tuple(
            Arc(
                related,
                _sense(groups),
                *(
                    self._mean(groups, kind)
                    for kind in ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
                ),
            )
            for related, groups in found.items()
        )

    def _related(self, group: Group) -> list[str]:
        # Some libraries relate one output to another as well; what changes both is an input.
        return [name for name in attribute(group, "related_pin").split() if name in self._inputs]

    def _mean(self, groups: Iterable[Group], kind: str) -> Table | None:
        having = [group for group in groups if group.get_groups(kind)]
        having = [group for group in having if attribute(group, "when")] or having
        if not having:
            return None
        tables = [self._tables.delay(group.get_groups(kind)[0]) for group in having]
        return mean(tables, [1.0] * len(tables))

    def output_energies(self, name: str) -> tuple[Energy, ...]:
        """Energies of an output, one for each related input and supply."""
        found = defaultdict(list)
        for supply, group in self._supplied(self._pins[name]):
            for related in self._related(group):
                found[related, supply].append(group)
        return tuple(
            Energy(related, self._conditional(groups, "rise"), self._conditional(groups, "fall"))
            for (related, _), groups in found.items()
        )

    def _conditional(self, groups: Sequence[Group], edge: str) -> Table:
        groups = [group for group in groups if attribute(group, "when")] or groups
        tables = [table for group in groups for table in self._powers(group, edge)]
        tables = [table for table in tables if not table.zero]
        return mean(tables, [1.0] * len(tables)) if tables else Table.constant(0.0)

    def input_energies(self, name: str, states: _States | None) -> tuple[Energy, ...]:
        """Energies of an input, one for each supply."""
        found = defaultdict(list)
        for supply, group in self._supplied(self._pins[name]):
            found[supply].append(group)
        energies = []
        for groups in found.values():
            if states is None or not any(attribute(group, "when") for group in groups):
                rise, fall = (self._conditional(groups, edge) for edge in ("rise", "fall"))
                energies.append(Energy(None, rise, fall))
                continue
            rise, rise_share = self._weighted(name, groups, "rise", states)
            fall, fall_share = self._weighted(name, groups, "fall", states)
            energies.append(Energy(None, rise, fall, rise_share, fall_share))
        return tuple(energies)

    def _weighted(
        self, name: str, groups: Sequence[Group], edge: str, states: _States
    ) -> tuple[Table, float]:
        # States of all but the pin itself are those in which it is 0.
        pin = states.values[name]
        distance = 1 << states.inputs.index(name)
        low = states.ones & ~pin
        if name not in states.asynchronous and states.calm:
            low &= states.calm
        left = low
        tables, weights, rest = [], [], []
        for group in groups:
            for table in self._powers(group, edge):
                when = attribute(group, "when")
                if not when:
                    rest.append(table)
                    continue
                try:
                    holds = evaluate(when, states.values, states.ones)
                except ValueError as error:
                    raise ValueError(f'when "{when}": {error}') from None
                # The pin is on its way; the condition is of the others, at either of its values.
                covered = (holds | (holds & pin) >> distance) & low
                left &= ~covered
                if not table.zero:
                    tables.append(table)
                    weights.append(float(covered.bit_count()))
        for table in rest:
            if not table.zero:
                tables.append(table)
                weights.append(left.bit_count() / len(rest))
        if not sum(weights):
            return Table.constant(0.0), 1.0
        return mean(tables, weights), min(sum(weights) / low.bit_count(), 1.0)

    def _supplied(self, pin: Group) -> Iterable[tuple[str, Group]]:
        for group in pin.get_groups("internal_power"):
            supply = attribute(group, "related_pg_pin")
            if supply not in self._ground:
                yield supply, group

    def _powers(self, group: Group, edge: str) -> list[Table]:
        # `power` stands for both edges.
        found = group.get_groups(f"{edge}_power") or group.get_groups("power")
        return [self._tables.energy(table) for table in found]

    def capacitance(self, name: str) -> float:
        """fF of an input."""
        pin = self._pins[name]
        edges = [number(pin, f"{edge}_capacitance", -1.0) for edge in ("rise", "fall")]
        default = sum(edges) / 2 if min(edges) >= 0 else self._tables.input_capacitance
        return number(pin, "capacitance", default) * self._tables.capacitance_unit

    def limit(self, name: str) -> float | None:
        """fF that an output may drive."""
        value = number(self._pins[name], "max_capacitance", -1.0)
        return value * self._tables.capacitance_unit if value >= 0 else None

    def leakage(self) -> float:
        """NW, of the whole cell where the library says so, else the mean over its states."""
        states = [
            number(group, "value", 0.0)
            for group in self._group.get_groups("leakage_power")
            if attribute(group, "related_pg_pin") not in self._ground
        ]
        average = sum(states) / len(states) if states else self._tables.leakage
        return number(self._group, "cell_leakage_power", average) * self._tables.leakage_unit


def _column(table: Function, values: dict[str, int], ones: int) -> int:
    # The function's value in each state: the OR of its minterms.
    result = 0
    for row in range(1 << len(table.inputs)):
        if table.table >> row & 1:
            minterm = ones
            for bit, name in enumerate(table.inputs):
                minterm &= values[name] if row >> bit & 1 else ~values[name]
            result |= minterm
    return result


def _sense(groups: Iterable[Group]) -> str:
    senses = {_SENSES.get(attribute(group, "timing_sense"), "none") for group in groups}
    return senses.pop() if len(senses) == 1 else "none"


def _both(group: Group) -> tuple[str, str]:
    return (
        attribute(group, "clear_preset_var1") or "X",
        attribute(group, "clear_preset_var2") or "X",
    )


def _name(group: Group) -> str:
    return _plain(group.args[0]) if group.args else ""


def _plain(value: object) -> str:
    return str(value).strip().strip('"').strip()
