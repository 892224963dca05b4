"""Yosys from `pyosys`, one fresh process a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pann_hw.errors import ToolError

__all__ = ["run_yosys"]

_WORKER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.stdin.read().splitlines():
    design.run_pass(command)
"""


def run_yosys(commands: Sequence[str], folder: Path) -> str:
    """Run Yosys commands, one after the other on one design, and return the log.

    Yosys numbers what it names with a counter that lives as long as its process, logs to standard
    output and ends the process on some errors: a process of its own for each run makes names
    repeatable and keeps all three away from the caller. It starts in less than 0.1 s.

    Parameters
    ----------
    commands : Yosys commands; file names in them are relative to `folder`
    folder : where the commands run

    Raises
    ------
    ToolError : pyosys is not installed, or a command failed
    """
    done = subprocess.run(
        [sys.executable, "-c", _WORKER],
        input="\n".join(commands),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR") or "Error: " in line]
        reason = (errors or lines or [f"exit status {done.returncode}"])[-1]
        raise ToolError(f"Yosys failed: {reason}")
    return done.stdout
