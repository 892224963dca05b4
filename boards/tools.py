"""Place and route and bitstreams: the tools of the extra ``boards``, each run in a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pann_hw.errors import ToolError

__all__ = ["INSTALL", "UnfinishedError", "find_tool", "run_tool"]

INSTALL = "pip install 'pann-hw[boards]'"
"""What brings every tool."""


class UnfinishedError(ToolError):
    """A tool was stopped that had taken too long."""


def find_tool(name: str) -> str:
    """The tool's path: beside the interpreter, or on PATH.

    Raises
    ------
    ToolError : it is nowhere
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise ToolError(f"{name} is missing: {INSTALL}")
    return found


def run_tool(arguments: Sequence[str], folder: Path, limit: float | None = None) -> str:
    """Run a tool and return what it says.

    Parameters
    ----------
    arguments : the tool's name and its arguments; files by names relative to `folder`, since the
        tools see no other folders
    folder : where it runs
    limit : seconds, after which it is stopped

    Raises
    ------
    ToolError : it is missing or fails; its first error is named
    UnfinishedError : it has taken longer than the limit
    """
    name, *rest = arguments
    try:
        done = subprocess.run(
            [find_tool(name), *rest],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise UnfinishedError(f"{name} was stopped after {limit:g} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line or "Error" in line]
        ended = [f"exit status {done.returncode}"]
        # What a signal ends says nothing of it: its last line would be no reason.
        reason = (errors or (lines[-1:] if done.returncode > 0 else []) or ended)[0]
        raise ToolError(f"{name} failed: {reason}")
    return done.stdout
