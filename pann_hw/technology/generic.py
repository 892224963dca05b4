"""A library of no technology: every input pin is one unit of load, every cell takes one delay.

What its netlists take is a count: toggles times the pins that they drive, and edges at clock pins.
"""

from __future__ import annotations

import math
from pathlib import Path

from pann_hw.cache import cached
from pann_hw.technology.boolean import function
from pann_hw.technology.library import (
    Arc,
    Cell,
    ClockGate,
    FlipFlop,
    Function,
    Input,
    Library,
    Output,
    Table,
)

__all__ = ["VOLTAGE", "generic_files", "generic_library", "liberty_text"]

VOLTAGE = math.sqrt(2)
"""With it 0.5 C V^2 is C: a change of a net that drives n pins takes n."""

_DELAY = 100.0
"""Ps from any input to the output."""

_DRIVE = 16.0
"""Pins that a cell drives; beyond that there are buffers."""

_LOGIC = {
    "INV": (0.67, "A'"),
    "BUF": (1.0, "A"),
    "NAND2": (1.0, "(A B)'"),
    "NAND3": (1.33, "(A B C)'"),
    "NOR2": (1.0, "(A+B)'"),
    "NOR3": (1.33, "(A+B+C)'"),
    "AND2": (1.33, "A B"),
    "OR2": (1.33, "A+B"),
    "OR3": (1.67, "A+B+C"),
    "OR4": (2.0, "A+B+C+D"),
    "XOR2": (2.33, "A^B"),
    "XNOR2": (2.33, "(A^B)'"),
    "MUX2": (2.67, "(A S')+(B S)"),
    "AOI21": (1.33, "((A B)+C)'"),
    "OAI21": (1.33, "((A+B) C)'"),
}
"""Area, of a two-input NAND, and function."""

_FLIP_FLOP_AREA = 5.33
_CLOCK_GATE_AREA = 4.67


def generic_library() -> Library:
    """The library; capacitances count pins, areas two-input NANDs, leakage is 0."""
    cells = {name: _logic(name, area, text) for name, (area, text) in _LOGIC.items()}
    cells["DFF"] = _flip_flop()
    cells["CLKGATE"] = _clock_gate()
    return Library("generic", VOLTAGE, cells)


def generic_files() -> tuple[Path, ...]:
    """Liberty files of it, in the cache, for tools that map."""
    text = liberty_text()

    def build(folder: Path) -> None:
        (folder / "generic.lib").write_text(text)

    return (cached(["generic", text], build) / "generic.lib",)


def liberty_text() -> str:
    """As much of it in Liberty's language as choosing cells needs."""
    cells = []
    for name, (area, text) in _LOGIC.items():
        pins = "".join(f"pin({pin}) {{ direction: input; }} " for pin in _pins(text))
        made = f'pin(Y) {{ direction: output; function: "{text}"; }}'
        cells.append(f"cell({name}) {{ area: {area}; {pins}{made} }}")
    cells.append(
        f"cell(DFF) {{ area: {_FLIP_FLOP_AREA}; "
        'ff(IQ, IQN) { clocked_on: "CK"; next_state: "D"; } '
        "pin(CK) { direction: input; clock: true; } pin(D) { direction: input; } "
        'pin(Q) { direction: output; function: "IQ"; } }'
    )
    return "library(generic) {\n" + "\n".join(cells) + "\n}\n"


def _pins(text: str) -> list[str]:
    return sorted({letter for letter in text if letter.isalpha()})


def _arc(related: str) -> Arc:
    delay, slew = Table.constant(_DELAY), Table.constant(0.0)
    return Arc(related, "none", delay, delay, slew, slew)


def _cell(
    name: str,
    area: float,
    kind: str,
    inputs: tuple[str, ...],
    output: tuple[str, Function],
    *,
    clock: str | None = None,
    held: FlipFlop | ClockGate | None = None,
) -> Cell:
    pin, made = output
    delayed = [clock] if clock else inputs
    return Cell(
        name=name,
        area=area,
        leakage=0.0,
        kind=kind,
        dont_use=False,
        inputs={one: Input(1.0, one == clock, ()) for one in inputs},
        outputs={pin: Output(made, tuple(map(_arc, delayed)), (), _DRIVE)},
        flip_flop=held if isinstance(held, FlipFlop) else None,
        clock_gate=held if isinstance(held, ClockGate) else None,
    )


def _logic(name: str, area: float, text: str) -> Cell:
    pins = _pins(text)
    return _cell(name, area, "logic", tuple(pins), ("Y", function(text, pins)))


def _flip_flop() -> Cell:
    held = FlipFlop(("IQ", "IQN"), "CK", True, function("D", ["D"]))
    output = ("Q", function("IQ", ["IQ"]))
    return _cell("DFF", _FLIP_FLOP_AREA, "flip_flop", ("CK", "D"), output, clock="CK", held=held)


def _clock_gate() -> Cell:
    held = ClockGate("CK", "EN", None, "GCK", "M")
    output = ("GCK", function("CK M", ["CK", "M"]))
    pins = ("CK", "EN")
    return _cell("CLKGATE", _CLOCK_GATE_AREA, "clock_gate", pins, output, clock="CK", held=held)
