"""The simulated board: a board's whole top level in Verilator, behind a pseudo-terminal."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from boards.design import Design
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import ToolError
from pann_hw.link.config import LinkConfig
from rtl_gen.verilog import to_verilog
from sim.build import build_simulator

__all__ = ["SimulatedBoard", "build_board", "simulated_board"]

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


def build_board(config: AcceleratorConfig, link: LinkConfig | None = None) -> Path:
    """The simulator of a board with an accelerator; made once and kept in the cache.

    Parameters
    ----------
    config : of the accelerator
    link : of the link; by default 12 MHz, and 4 cycles of a bit: fewer make the simulation fast

    Raises
    ------
    ToolError : a tool is missing or fails
    """
    link = link or LinkConfig()
    lines = [
        f'#include "V{_TOP}.h"',
        f"#define BOARD_TOP V{_TOP}",
        f"#define BOARD_DIVISOR {link.divisor}",
    ]
    main = _MAIN.read_text().replace('#include "board.h"', "\n".join(lines))
    return build_simulator(_verilog(config, link), _TOP, main)


@cache
def _verilog(config: AcceleratorConfig, link: LinkConfig) -> str:
    return to_verilog(Design(config, link), _TOP)


@contextlib.contextmanager
def simulated_board(
    config: AcceleratorConfig, link: LinkConfig | None = None
) -> Iterator[SimulatedBoard]:
    """A board with an accelerator, which runs until the context ends, as fast as it goes.

    Raises
    ------
    ToolError : as :func:`build_board`; or there are no pseudo-terminals
    """
    executable = build_board(config, link)
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
