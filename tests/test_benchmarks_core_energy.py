"""The command of the core's energy: what is skipped, what is refused, the tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.core_energy import _claims, _rows, _tables, main
from benchmarks.core_energy_designs import CLAIMS, DESIGNS
from benchmarks.core_energy_run import CORE, Cell

CLASSES = (*CORE, "fetch")


def cell(design: str, technology: str, energy: float, lane: float) -> Cell:
    """A cell in which every class takes as much."""
    energies = dict.fromkeys(CLASSES, energy)
    areas = {**dict.fromkeys(CLASSES, 1.0), "lanes": 32 * lane}
    return Cell(design, technology, 1000.0, 7, energies, areas, energies, 0.25, None, 0)


CELLS = [
    cell("pann", "sky130", 2.0, 100.0),
    cell("tricks", "sky130", 3.0, 250.0),
    cell("plain8", "sky130", 11.0, 300.0),
    cell("pann", "asap7", 0.5, 10.0),
    replace(cell("tricks", "asap7", 0.5, 15.0), memories=4.0),
]


def test_ratios_are_of_one_technology() -> None:
    rows = {(row[0], row[1]): row[2:] for row in _claims(CELLS)}
    tricks = DESIGNS["tricks"].title
    assert rows["sky130", tricks] == ("1.5", "1.50", "1.50", "1.50")
    assert rows["sky130", DESIGNS["plain8"].title] == ("5", "5.50", "5.50", "5.50")
    assert rows["sky130", f"{tricks}, area of the lanes"] == ("2", "2.50", "-", "-")
    assert rows["asap7", tricks] == ("1.5", "1.00", "1.00", "1.00")
    assert len(rows) == 5


def test_the_core_is_not_all_cells() -> None:
    (row, *_), other = _rows(CELLS[:1]), _rows(CELLS[4:])[0]
    assert row[0] == DESIGNS["pann"].title
    assert row[6:8] == ("8.00", "10.00")
    assert (row[-2], other[-2]) == ("-", "4.00")
    assert row[-1] == "100"


def test_tables_of_the_document() -> None:
    text = "\n".join(_tables(CELLS))
    assert text.count("uJ per inference of ResNet-8") == 2
    assert all(DESIGNS[claim.other].title in text for claim in CLAIMS if claim.other != "plain2")


def test_without_libraries_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pdk-folder", str(tmp_path), "--data-folder", str(tmp_path)]) == 0
    assert "sky130: skipped, no Liberty files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tech", "gf180"], "--tech gf180: 'gf180' must be one of"),
        (["--designs", "fma"], "--designs fma: 'fma' must be one of"),
        (["--windows", "1"], "--windows 1: must be at least 2"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
