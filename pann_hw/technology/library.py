"""A library of standard cells as typed data.

Units throughout: capacitance fF, time ps, energy fJ, power nW, area square micrometre, voltage V.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pann_hw.errors import InputError

__all__ = [
    "KINDS",
    "Arc",
    "Cell",
    "ClockGate",
    "Energy",
    "FlipFlop",
    "Function",
    "Input",
    "Latch",
    "Library",
    "Output",
    "Table",
]

KINDS = ("logic", "flip_flop", "latch", "clock_gate", "other")
"""What a cell is. "other": nothing that a netlist of this project uses, such as tri-state drivers,
level shifters, fillers and antenna diodes; such a cell may lack functions."""


@dataclass(frozen=True, eq=False)
class Table:
    """A quantity over the slew of an input and the load of an output.

    Attributes
    ----------
    slews : ps, rising; one value where the quantity does not depend on the slew
    loads : fF, rising; one value where it does not depend on the load
    values : float64 of shape (len(slews), len(loads))
    """

    slews: tuple[float, ...]
    loads: tuple[float, ...]
    values: npt.NDArray[np.float64]

    @classmethod
    def constant(cls, value: float) -> Table:
        """A table that has one value everywhere."""
        return cls((0.0,), (0.0,), np.full((1, 1), value))

    @property
    def zero(self) -> bool:
        """Whether all values are 0."""
        return not self.values.any()

    def at(self, slew: float, load: float) -> float:
        """The value for a slew (ps) and a load (fF): linear between the neighbours on both axes.

        Beyond the ends of the load axis the last two values are continued in a straight line, as
        timing tools do; a slew beyond its axis counts as the end of it, since slews that short or
        that long are not what cells are made for, and a line would turn delays negative.
        """
        slew = min(max(slew, self.slews[0]), self.slews[-1])
        row, u = _place(self.slews, slew)
        column, v = _place(self.loads, load)
        corner = self.values[row : row + 2, column : column + 2]
        along = corner[:, 0] if corner.shape[1] == 1 else corner[:, 0] * (1 - v) + corner[:, 1] * v
        return float(along[0] if len(along) == 1 else along[0] * (1 - u) + along[1] * u)


def _place(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    # The interval, and where in it: 0 its begin, 1 its end, outside of 0..1 beyond the axis.
    if len(axis) == 1:
        return 0, 0.0
    index = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
    return index, (value - axis[index]) / (axis[index + 1] - axis[index])


@dataclass(frozen=True)
class Function:
    """A Boolean function as its truth table.

    Attributes
    ----------
    inputs : pins of the cell in its order, then its state names, as far as the function has them
    table : bit k is the value where input i has bit i of k
    """

    inputs: tuple[str, ...]
    table: int

    def value(self, values: Mapping[str, int]) -> int:
        """0 or 1 for the inputs' values, 0 or 1 each."""
        index = sum(values[name] << bit for bit, name in enumerate(self.inputs))
        return self.table >> index & 1


@dataclass(frozen=True)
class Arc:
    """Delay from a change of an input to the change of an output that it causes.

    Where the library tells conditions apart, each figure is the mean over them.

    Attributes
    ----------
    related : the input
    sense : "positive", "negative", or "none" where either edge may cause either
    rise, fall : delay in ps by the output's edge, over the input's slew and the output's load;
        None where the input causes no such edge (an asynchronous clear causes no rise)
    rise_slew, fall_slew : the output's slew in ps, likewise
    """

    related: str
    sense: str
    rise: Table | None
    fall: Table | None
    rise_slew: Table | None
    fall_slew: Table | None


@dataclass(frozen=True)
class Energy:
    """What a cell takes inside at one change of a pin, in fJ; the load of the pin is not in it.

    Values may be negative: some libraries count all that the supply gives as the output rises, and
    take the load's 0.5 C V^2 of the fall off again, so that only the sum of both edges counts.

    Attributes
    ----------
    related : of an output: the input that causes the change; of an input: None
    rise, fall : by the edge of the pin whose energy this is, over the input's slew and, of an
        output, its load
    rise_share, fall_share : of an input's edges, the fraction that this energy is for, all states
        of the other pins being equally likely; what the rest takes is in the tables of the outputs
        that they change. 1 where the library gives it for every edge. Of an output always 1.
    """

    related: str | None
    rise: Table
    fall: Table
    rise_share: float = 1.0
    fall_share: float = 1.0


@dataclass(frozen=True)
class Input:
    """An input pin: its capacitance in fF, whether it is a clock, what a change of it takes."""

    capacitance: float
    clock: bool
    energies: tuple[Energy, ...]


@dataclass(frozen=True)
class Output:
    """An output pin.

    Attributes
    ----------
    function : of inputs and state; None for a cell of kind "other" alone
    arcs : one for each input that can change the output
    energies : one for each such input, as far as the library has them
    max_capacitance : fF that it may drive; None where the library does not say
    """

    function: Function | None
    arcs: tuple[Arc, ...]
    energies: tuple[Energy, ...]
    max_capacitance: float | None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The function's inputs."""
        return self.function.inputs if self.function else ()


@dataclass(frozen=True)
class FlipFlop:
    """An edge-triggered state: ``state[0]`` takes ``next_state`` at the clock's active edge.

    Attributes
    ----------
    state : names of the state and of its complement, as functions have them
    clock : the pin
    rising : whether its rising edge is the active one
    next_state : of pins and state
    clear, preset : while 1, the state is 0, or 1, whatever the clock does; None: there is none
    both : state and complement while both are active: "L" 0, "H" 1, "N" as before, "T" toggled,
        "X" unknown
    """

    state: tuple[str, str]
    clock: str
    rising: bool
    next_state: Function
    clear: Function | None = None
    preset: Function | None = None
    both: tuple[str, str] = ("X", "X")


@dataclass(frozen=True)
class Latch:
    """A level-sensitive state: ``state[0]`` is ``data`` while ``enable``, else what it was.

    ``state``, ``clear``, ``preset`` and ``both`` are as in :class:`FlipFlop`.
    """

    state: tuple[str, str]
    enable: Function
    data: Function
    clear: Function | None = None
    preset: Function | None = None
    both: tuple[str, str] = ("X", "X")


@dataclass(frozen=True)
class ClockGate:
    """A clock gate without glitches: ``output = clock & state``.

    The state, ``state`` in the output's function, is ``enable | test`` while the clock is low, and
    holds while it is high.
    """

    clock: str
    enable: str
    test: str | None
    output: str
    state: str


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes
    ----------
    name : as the library has it
    area : square micrometres
    leakage : nW, mean over the states
    kind : one of ``KINDS``
    dont_use : the library asks not to use it, unless one knows what for (clock gates often)
    inputs, outputs : pins by name, in the library's order; internal and supply pins are left out
    flip_flop, latch, clock_gate : the one that `kind` names
    """

    name: str
    area: float
    leakage: float
    kind: str
    dont_use: bool
    inputs: dict[str, Input]
    outputs: dict[str, Output]
    flip_flop: FlipFlop | None = None
    latch: Latch | None = None
    clock_gate: ClockGate | None = None

    @property
    def usable(self) -> bool:
        """Whether it may be used without further thought."""
        return self.kind != "other" and not self.dont_use

    @property
    def clock(self) -> str | None:
        """The clock pin of a flip-flop or clock gate."""
        if self.flip_flop:
            return self.flip_flop.clock
        return self.clock_gate.clock if self.clock_gate else None

    @property
    def state(self) -> tuple[str, ...]:
        """Names in functions that are no pins: the state, then its complement where it has one."""
        if self.clock_gate:
            return (self.clock_gate.state,)
        held = self.flip_flop or self.latch
        return held.state if held else ()


@dataclass(frozen=True)
class Library:
    """Cells by name, characterised at one supply voltage (V)."""

    name: str
    voltage: float
    cells: dict[str, Cell]

    def cell(self, name: str) -> Cell:
        """The cell of this name.

        Raises
        ------
        InputError : the library has none of that name
        """
        if name not in self.cells:
            raise InputError(
                f"{name}: no cell of the library {self.name}, which has {len(self.cells)}; give "
                "the Liberty files that the netlist was mapped with"
            )
        return self.cells[name]
