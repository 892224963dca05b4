"""Measured cells as a JSON file, so that a table is finished, or shown again, another time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmarks.cell import Cell
from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.quantise.quality import Quality

__all__ = ["FORMAT", "Cells", "load_cells", "plain", "save_cells"]

FORMAT = "pann-hw accuracy 1"
"""Value of the key ``format``."""

Cells = dict[tuple[str, str], Cell]
"""By the names of network and column."""


def load_cells(path: Path) -> Cells:
    """The cells of a file; none where there is no file.

    Raises
    ------
    InputError : the file cannot be read or holds something else
    """
    try:
        content = json.loads(path.read_text())
        found = content["format"]
        if found == FORMAT:
            cells = [_cell(item) for item in content["cells"]]
            return {(cell.network, cell.column): cell for cell in cells}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), choose another") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: holds no accuracies, choose another --output") from None
    raise InputError(f"{path}: format {found!r}, must be {FORMAT!r}: choose another --output")


def save_cells(path: Path, cells: Cells) -> None:
    """Write the cells; the file appears whole or not at all.

    Keys
    ----
    format : "pann-hw accuracy 1"
    cells : a list with the attributes of :class:`benchmarks.cell.Cell`

    Raises
    ------
    InputError : the file cannot be written
    """
    content = {"format": FORMAT, "cells": plain(cells.values())}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}), choose another") from None
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")


def plain(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Cells as plain values, as JSON has them."""
    return [asdict(cell) for cell in cells]


def _cell(item: dict[str, Any]) -> Cell:
    values = {field.name: item[field.name] for field in fields(Cell)}
    return Cell(**{**values, "quality": Quality(**values["quality"])})
