"""Reads toggle counts from Verilator's coverage.dat."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pann_hw.errors import ToolError
from sim.toggles import as_words

__all__ = ["read_coverage"]

# Keys and values stand after the bytes 1 and 2; o is the net, its bit and the edge, h the instance.
_COUNT = re.compile(
    r"\x01o\x02([^\x01]+?)(?:\[(\d+)\])?:[01]->[01]\x01h\x02([^\x01']+)' (\d+)$", re.MULTILINE
)


def read_coverage(path: Path) -> dict[str, np.ndarray]:
    """Toggles of every net in a file of `--coverage-toggle`, both edges together.

    Each instance must have been counted by itself (`forcePerInstance`).

    Returns
    -------
    dict : path of instances and net, joined by dots -> int64 (width,), lowest bit first

    Raises
    ------
    ToolError : there is no count in the file
    """
    counts: dict[str, dict[int, int]] = {}
    for net, bit, instance, toggles in _COUNT.findall(path.read_text()):
        bits = counts.setdefault(f"{instance}.{net}", {})
        bits[int(bit or 0)] = bits.get(int(bit or 0), 0) + int(toggles)
    if not counts:
        raise ToolError(f"{path.name}: no toggle counts")
    return as_words(counts)
