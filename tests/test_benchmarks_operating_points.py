"""The command of the operating points: what it prints, writes and refuses, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import operating_points_run
from benchmarks.document import BEGIN, END
from benchmarks.networks import NETWORKS
from benchmarks.operating_points import main, tables
from benchmarks.operating_points_run import BUDGETS, Result
from tests.benchmark_data import RESULT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files by the names of the network's, for a measurement that is replaced."""
    for name in NETWORKS["resnet8"].files:
        (tmp_path / name).touch()
    return tmp_path


def replaced(monkeypatch: pytest.MonkeyPatch, result: Result) -> None:
    def measure(_network: object, _folder: Path, images: int) -> Result:
        assert images == 2
        return result

    monkeypatch.setattr(operating_points_run, "measure", measure)


def test_tables_have_a_row_or_a_column_for_each_point() -> None:
    reached, taken, classed = tables(RESULT)
    for table in (reached, taken):
        assert [row[0] for row in table.rows] == list(BUDGETS)
    assert reached.rows[1] == ("6bit", "7.00", "7.00", "51.20", "89.00", "98.00", "2 of 2")
    # 28 classes' worth of a million, 5 % more for the mean of both images, a fifth less each time.
    assert taken.rows[1] == ("6bit", "40000", "40000", "23520000", "23520000", "80.0")
    assert classed.headings == ("class", *BUDGETS)
    assert classed.rows[0][:2] == ("operand", "1050000")
    assert len(classed.rows) == 7


@pytest.mark.parametrize("json_wanted", [False, True])
def test_output_and_exit_codes(
    json_wanted: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--data-folder", str(folder), "--images", "2"]
    arguments += ["--json"] if json_wanted else []
    first, *others = RESULT.points
    wrong = replace(RESULT, points=(*others, first))
    for result, code in ((RESULT, 0), (wrong, 1)):
        replaced(monkeypatch, result)
        assert main(arguments) == code
        shown = capsys.readouterr()
        if json_wanted:
            assert json.loads(shown.out) == json.loads(json.dumps(result.plain()))
        else:
            assert "Counted flips per inference by class" in shown.out
        assert ("8bit: flips do not fall: image 0" in shown.err) == bool(code)


def test_document_gets_tables_and_plot(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = folder / "points.md"
    document.write_text(f"# Points\n\n{BEGIN}\nold\n{END}\n")
    replaced(monkeypatch, RESULT)
    arguments = ["--data-folder", str(folder), "--images", "2", "--document", str(document)]
    assert main(arguments) == 0
    assert "written" in capsys.readouterr().err
    assert "| 6bit | 40000 |" in document.read_text() and "old" not in document.read_text()
    assert (folder / "points.svg").read_text().startswith("<?xml")


def test_without_data_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data-folder", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "skipped" in shown.err and str(tmp_path) in shown.err


def test_images_must_be_some(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", "0"]) == 2
    assert "--images 0: must be at least 1" in capsys.readouterr().err
