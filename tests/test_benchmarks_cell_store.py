"""Cells as JSON: nothing is lost, and other files are told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cell_store import FORMAT, load_cells, plain, save_cells
from pann_hw.errors import InputError
from pann_hw.quantise.quality import Quality
from tests.benchmark_data import CELL, cells_of


def test_cells_come_back(tmp_path: Path) -> None:
    cells = cells_of([("resnet8", "2bit-csd"), ("resnet8", "3bit-csd")])
    sounds = replace(CELL, network="autoencoder", float_accuracy=None,
                     quality=Quality(None, 0.8, 0.0017))  # fmt: skip
    cells["autoencoder", "2bit-csd"] = sounds
    path = tmp_path / "new" / "cells.json"
    save_cells(path, cells)
    assert load_cells(path) == cells
    assert json.loads(path.read_text()) == {"format": FORMAT, "cells": plain(cells.values())}
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert load_cells(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "holds no accuracies, choose another --output"),
        ("[]", "holds no accuracies"),
        ('{"format": "pann-hw units 1"}', f"format 'pann-hw units 1', must be '{FORMAT}'"),
        (f'{{"format": "{FORMAT}"}}', "holds no accuracies"),
        (f'{{"format": "{FORMAT}", "cells": [{{"network": "a"}}]}}', "holds no accuracies"),
    ],
)
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_cells(path)


def test_places_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_cells(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        save_cells(tmp_path / "file" / "cells.json", {})
