"""The command of the table: what it prints, when it writes the document, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.accuracy import main
from benchmarks.cell import applies
from benchmarks.cell_store import Cells, save_cells
from benchmarks.columns import COLUMNS
from benchmarks.document import BEGIN, END
from benchmarks.networks import NETWORKS
from tests.benchmark_data import cells_of, made_up_folder

ALL = [
    (network.name, column.name)
    for network in NETWORKS.values()
    for column in COLUMNS.values()
    if applies(network, column)
]


class Place:
    """Arguments for a kept table of some cells, and a document."""

    def __init__(self, folder: Path) -> None:
        self.cells, self.document = folder / "cells.json", folder / "page.md"
        self.document.write_text(f"# Page\n{BEGIN}\n{END}\nEnd\n")

    def run(self, *arguments: str) -> int:
        return main(["--output", str(self.cells), "--document", str(self.document), *arguments])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_whole_table_goes_into_the_document(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    save_cells(place.cells, cells_of(ALL))
    assert place.run("--table", "--networks", "resnet8") == 0
    shown = capsys.readouterr()
    assert "87.50 / 97.15" in shown.out and "DS-CNN" not in shown.out
    assert f"{place.document}: written" in shown.err
    text = place.document.read_text()
    assert text.startswith("# Page\n") and text.endswith("End\n")
    for network in NETWORKS.values():
        assert text.count(f"| {network.title} |") == len({c.group for c in COLUMNS.values()})
        assert f"\n{network.title}: what was chosen" in text


def test_a_part_of_it_does_not(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    save_cells(place.cells, cells_of(ALL[1:]))
    before = place.document.read_text()
    assert place.run("--table") == 0
    assert f"left alone, 1 of {len(ALL)} cells missing" in capsys.readouterr().err
    assert place.document.read_text() == before


def test_markdown_and_json_are_printed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    save_cells(place.cells, cells_of(ALL))
    before = place.document.read_text()
    assert place.run("--table", "--markdown", "--columns", "2bit-csd,3bit-csd") == 0
    out = capsys.readouterr().out
    assert "| network | float | 2-bit CSD | 3-bit CSD |" in out
    assert place.run("--table", "--json", "--networks", "dscnn", "--columns", "2bit-csd") == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["network"], cell["column"]) == ("dscnn", "2bit-csd")
    assert place.document.read_text() == before


def test_refusals_are_told_and_end_with_2(
    place: Place,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = made_up_folder(tmp_path, rng)
    asked = []

    def measured(
        networks: list[object], *given: object, **named: object
    ) -> tuple[Cells, list[str]]:
        asked.append((networks, *given, named))
        return {}, ["ResNet-8, 2-bit unary: budget too small"]

    monkeypatch.setattr(accuracy, "measure_cells", measured)
    names = ("--networks", "resnet8", "--columns", "2bit-unary", "--data-folder", str(folder))
    assert place.run(*names, "--jobs", "2", "--fresh") == 2
    assert "refused: ResNet-8, 2-bit unary: budget too small" in capsys.readouterr().err
    named = {"jobs": 2, "threads": 1, "fresh": True}
    pair = [NETWORKS["resnet8"]], [COLUMNS["2bit-unary"]]
    assert asked == [(*pair, folder, place.cells, named)]


def test_without_data_it_says_why_and_ends_well(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("--data-folder", str(tmp_path)) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("skipped") == len(NETWORKS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "alexnet"], "--networks alexnet: 'alexnet' must be one of resnet8"),
        (["--columns", "9bit"], "--columns 9bit: '9bit' must be one of 2bit-unary"),
        (["--jobs", "0"], "--jobs 0: must be at least 1"),
    ],
)
def test_bad_arguments(
    arguments: list[str], message: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run(*arguments) == 2
    assert message in capsys.readouterr().err
