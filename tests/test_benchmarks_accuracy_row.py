"""One network's row: its import held against onnxruntime, its cells, its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy_row
from benchmarks.accuracy_row import Import, Row, check_import, main
from benchmarks.cell import deciders
from benchmarks.cell_store import save_cells
from benchmarks.columns import COLUMNS
from benchmarks.datasets import DATA, missing
from benchmarks.networks import NETWORKS
from tests.benchmark_data import CELL, cells_of, made_up_folder

CSD = COLUMNS["2bit-csd"]


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return made_up_folder(tmp_path, rng)


@pytest.mark.parametrize("name", NETWORKS)
def test_import_agrees_with_onnxruntime(name: str, folder: Path) -> None:
    imported = check_import(NETWORKS[name], folder)
    assert imported.difference is not None and imported.difference < 1e-5
    assert imported.samples == len(NETWORKS[name].test(folder))
    assert 0 < imported.seconds < 60 and imported.peak_megabytes > 50


@pytest.mark.parametrize("name", NETWORKS)
def test_real_networks_are_imported_in_time_and_agree(name: str) -> None:
    network = NETWORKS[name]
    lacking = missing(DATA, network.files)
    if lacking:
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    imported = check_import(network, DATA)
    assert imported.difference is not None and imported.difference <= 1e-4
    assert imported.seconds < 5
    assert imported.peak_megabytes < 4096


def test_without_onnxruntime_there_is_no_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_given: object) -> None:
        raise ImportError

    monkeypatch.setattr(accuracy_row, "runtime_outputs", gone)
    assert check_import(NETWORKS["dscnn"], folder).difference is None


@pytest.mark.parametrize(
    ("difference", "refused", "code"),
    [(1e-4, [], 0), (None, [], 0), (2e-4, [], 1), (np.nan, ["why"], 1), (0.0, ["why"], 2)],
)
def test_exit_codes(difference: float | None, refused: list[str], code: int) -> None:
    imported = Import(0.1, 300, 30, difference)
    assert Row(NETWORKS["resnet8"], [CSD], imported, {}, refused).exit_code == code


def test_kept_cells_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, path = NETWORKS["resnet8"], folder / "cells.json"
    decided = deciders(network, CSD, folder)
    cells = cells_of([("dscnn", "2bit-csd")])
    cells["resnet8", "2bit-csd"] = cell = replace(CELL, decided_by=decided)
    save_cells(path, cells)
    arguments = ["--data-folder", str(folder), "--output", str(path), "--columns", "2bit-csd"]
    assert main("resnet8", arguments) == 0
    out = capsys.readouterr().out
    assert "87.50 / 97.15" in out and "mlcommons/tiny" in out and "DS-CNN" not in out
    assert main("resnet8", [*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["network"] == "resnet8" and result["refused"] == []
    assert result["import"]["difference"] < 1e-5
    (shown,) = result["cells"]
    assert shown["quality"]["accuracy"] == cell.quality.accuracy


def test_without_data_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("dscnn", ["--data-folder", str(tmp_path / "none")]) == 0
    shown = capsys.readouterr()
    assert shown.out == "" and "DS-CNN: skipped" in shown.err


def test_bad_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("dscnn", ["--data-folder", str(folder), "--columns", "9bit"]) == 2
    assert "python -m benchmarks.dscnn: error: --columns 9bit" in capsys.readouterr().err
