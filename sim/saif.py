"""Reads toggle counts from SAIF, the standard file of switching activity (IEEE 1801)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pann_hw.errors import ToolError
from sim.toggles import as_words

__all__ = ["read_saif"]

_COUNT = re.compile(r"\((\S+?)(?:\\\[(\d+)\\\])? \(T0 .* \(TC (\d+)\)\)")


def read_saif(path: Path) -> dict[str, np.ndarray]:
    """Toggles of every net of a SAIF file as Verilator writes it, an entry a line.

    The first value that a tracer sees counts as a toggle from 0.

    Returns
    -------
    dict : path of instances and net, joined by dots -> int64 (width,), lowest bit first

    Raises
    ------
    ToolError : the file ends too early
    """
    scopes: list[str] = []
    counts: dict[str, dict[int, int]] = {}
    for line in map(str.strip, path.read_text().splitlines()):
        if line == ")":
            scopes.pop()
        elif found := _COUNT.fullmatch(line):
            name, bit, toggles = found.groups()
            counts.setdefault(f"{scopes[-1]}.{name}", {})[int(bit or 0)] = int(toggles)
        elif line.startswith("(INSTANCE "):
            name = line.split()[1]
            scopes.append(f"{scopes[-1]}.{name}".removeprefix("."))
        elif line == "(NET":
            scopes.append(scopes[-1])
        elif line == "(SAIFILE":
            scopes.append("")
    if scopes or not counts:
        raise ToolError(f"{path.name}: incomplete SAIF file")
    return as_words(counts)
