"""The files that synthesis and place and route begin with, from a board's platform."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from boards.board import Board
from boards.tools import INSTALL
from boards.top import Top
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import ToolError
from rtl_gen.yosys import run_yosys

__all__ = ["NAME", "write_sources"]

NAME = "top"
"""Of the top module, and of all files."""

_COLLISION = re.compile(r"(parameter \\COLLISION_X_MASK )(\d+)'0+$", re.MULTILINE)
_FREQUENCY = re.compile(r'^(FREQUENCY PORT "\w+" )([\d.]+)', re.MULTILINE)


def write_sources(board: Board, config: AcceleratorConfig, folder: Path) -> None:
    """Write the design as RTLIL, or for Vivado as Verilog, and the platform's constraints.

    Raises
    ------
    ToolError : amaranth-boards is missing, or Yosys fails
    """
    platform = _platform(board)
    plan = platform.prepare(Top(board, config), NAME, emit_src=False)
    for name, content in plan.files.items():
        text = content if isinstance(content, str) else content.decode()
        if name == f"{NAME}.il":
            text = _without_collisions(text)
        if name == f"{NAME}.lpf":
            text = _asking_more(text, board.asked)
        if name.startswith(NAME):
            (folder / name).write_text(text)
    if board.family == "vivado":
        run_yosys(
            [
                f"read_rtlil {NAME}.il",
                "proc -nomux -norom",
                "memory_collect",
                f"write_verilog -norename -noattr {NAME}.v",
            ],
            folder,
        )


def _without_collisions(rtlil: str) -> str:
    """Memories whose word is anything where it is read in the cycle in which it is written.

    Amaranth asks for the old word, for which blocks that do not give it get logic around them. No
    such word is ever used: programs are loaded while nothing runs, and a pass that reads what
    another one stores waits until it is stored.
    """
    return _COLLISION.sub(lambda found: f"{found[1]}{found[2]}'{'1' * int(found[2])}", rtlil)


def _asking_more(preferences: str, factor: float) -> str:
    """An ECP5's constraints with the oscillator's frequency, from which follow all, multiplied."""
    return _FREQUENCY.sub(lambda found: f"{found[1]}{float(found[2]) * factor:.0f}", preferences)


def _platform(board: Board) -> Any:
    """The board's platform, with the host's line."""
    module, name = board.platform.split(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        raise ToolError(f"amaranth-boards is missing: {INSTALL}") from None
    if board.family == "gowin":
        platform = kind(toolchain="Apicula")
    elif board.family == "vivado":
        platform = _for_rtlil(kind)()
    else:
        platform = kind()
    if board.uart.pins is not None:
        from amaranth.build import Attrs
        from amaranth_boards.resources import UARTResource

        rx, tx = board.uart.pins
        attributes = Attrs(**board.uart.attributes)
        line = UARTResource(0, rx=rx, tx=tx, conn=board.uart.connector, attrs=attributes)
        platform.add_resources([line])
    return platform


def _for_rtlil(kind: Any) -> Any:
    """A platform for Vivado that leaves it to pyosys to make Verilog: Amaranth looks for another
    Yosys."""

    class Platform(kind):
        @property
        def file_templates(self) -> dict[str, str]:
            templates = dict(super().file_templates)
            del templates["{{name}}.v"], templates["{{name}}.debug.v"]
            return {**templates, "{{name}}.il": "{{emit_rtlil()}}"}

    return Platform
