"""The simulated board: a board's whole top level in Verilator, behind a pseudo-terminal."""

from __future__ import annotations

import contextlib
import gc
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from boards.design import Design
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import ToolError
from rtl_gen.verilog import to_verilog
from sim.build import build_simulator

__all__ = ["CLOCK", "DIVISOR", "SimulatedBoard", "build_board", "simulated_board"]

CLOCK = 12_000_000
"""Hz, that of many boards' oscillators."""

DIVISOR = 4
"""Cycles of a bit, 3 Mbaud at that clock: fewer make the simulation fast."""

_MAIN = Path(__file__).parent / "board.cpp"
_TOP = "board"


@dataclass(frozen=True)
class SimulatedBoard:
    """A board that runs.

    Attributes
    ----------
    port : path of its serial port
    process : that simulates it
    """

    port: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Pull the plug: the port goes away."""
        self.process.kill()
        self.process.wait()


def build_board(
    config: AcceleratorConfig, clock: int = CLOCK, divisor: int = DIVISOR, command_bytes: int = 512
) -> Path:
    """The simulator of a board with an accelerator; made once and kept in the cache.

    Parameters
    ----------
    config, clock, divisor, command_bytes : as for :class:`boards.design.Design`

    Raises
    ------
    InputError : a parameter out of its range
    ToolError : a tool is missing or fails
    """
    collecting = gc.isenabled()
    # As for the accelerator alone: millions of small objects that stay.
    gc.disable()
    try:
        verilog = to_verilog(Design(config, clock, divisor, command_bytes), _TOP)
    finally:
        if collecting:
            gc.enable()
    lines = [
        f'#include "V{_TOP}.h"',
        f"#define BOARD_TOP V{_TOP}",
        f"#define BOARD_DIVISOR {divisor}",
    ]
    main = _MAIN.read_text().replace('#include "board.h"', "\n".join(lines))
    return build_simulator(verilog, _TOP, main)


@contextlib.contextmanager
def simulated_board(
    config: AcceleratorConfig, clock: int = CLOCK, divisor: int = DIVISOR, command_bytes: int = 512
) -> Iterator[SimulatedBoard]:
    """A board with an accelerator, which runs until the context ends, as fast as it goes.

    Raises
    ------
    InputError, ToolError : as :func:`build_board`; ToolError where there are no pseudo-terminals
    """
    executable = build_board(config, clock, divisor, command_bytes)
    with subprocess.Popen(
        [executable],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise ToolError(f"the simulated board failed: {process.stderr.read().strip()}")
            yield SimulatedBoard(port, process)
        finally:
            process.kill()
