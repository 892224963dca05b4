"""Typed cells from the groups of a parsed Liberty file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from liberty.types import Group

from pann_hw.technology.boolean import function
from pann_hw.technology.energies import input_energies, output_energies, states
from pann_hw.technology.library import (
    Arc,
    Cell,
    ClockGate,
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


def read_cell(group: Group, tables: Tables) -> Cell:
    """The cell of a `cell` group.

    Delays for several conditions, `when`, become one, their mean; energies do as
    :mod:`pann_hw.technology.energies` says.

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
    functions = {} if kind == "other" else {n: cell.output_function(n, held) for n in driven}
    known = None if kind == "other" else states(names, held, functions)
    outputs = {
        name: Output(
            functions.get(name),
            cell.arcs(name),
            output_energies(pins[name], names, tables, cell.ground),
            cell.limit(name),
        )
        for name in driven
    }
    inputs = {
        name: Input(
            cell.capacitance(name),
            attribute(pins[name], "clock") == "true",
            input_energies(pins[name], name, known, tables, cell.ground),
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
        self.ground = {
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
            if attribute(group, "related_pg_pin") not in self.ground
        ]
        average = sum(states) / len(states) if states else self._tables.leakage
        return number(self._group, "cell_leakage_power", average) * self._tables.leakage_unit


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
