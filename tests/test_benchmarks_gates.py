"""The command of the benchmark of gates: what it prints, skips and refuses, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gates_run
from benchmarks.clock import Clock
from benchmarks.gates import main
from benchmarks.gates_run import CONFIG, Case, convolution
from pann_hw.program.compile import compile_network
from pann_hw.technology.known import Technology

GOOD = Case("sky130", 62000, 530000.0, 80.2, 9000.0, 650.0, 20.4, 900, 0)


@pytest.fixture
def pdk(tmp_path: Path) -> Path:
    (tmp_path / "sky130hd").mkdir()
    (tmp_path / "sky130hd" / "sky130.lib.gz").touch()
    return tmp_path


def _replaced(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    def measure(technology: Technology, files: list[Path], clock: Clock) -> Case:
        assert technology.name == "sky130"
        assert [path.name for path in files] == ["sky130.lib.gz"]
        return case

    monkeypatch.setattr(gates_run, "measure", measure)


def test_table_and_what_is_skipped(
    pdk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replaced(monkeypatch, GOOD)
    assert main(["--pdk-folder", str(pdk)]) == 0
    shown = capsys.readouterr()
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["sky130", "62000", "530000", "80", "20", "900", "0"] in rows
    assert "asap7: skipped, no Liberty files in" in shown.err


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"mapping": 130.0}, "sky130: 130 s for mapping, asked 120"),
        ({"energy_seconds": 121.0}, "sky130: 121 s for 2000 cycles, asked 120"),
        ({"megabytes": 5000}, "sky130: 5000 MB, asked 4096"),
        ({"mismatches": 3}, "sky130: 3 outputs differ, asked 0"),
    ],
)
def test_what_is_wrong_ends_with_1(
    bad: dict[str, Any],
    message: str,
    pdk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _replaced(monkeypatch, replace(GOOD, **bad))
    assert main(["--pdk-folder", str(pdk), "--tech", "sky130", "--json"]) == 1
    shown = capsys.readouterr()
    assert message in shown.err
    assert json.loads(shown.out)["cases"][0]["technology"] == "sky130"


def test_an_unknown_technology(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tech", "tsmc"]) == 2
    assert "must be one of sky130, sg13g2, asap7" in capsys.readouterr().err


def test_the_convolution_is_long_enough() -> None:
    program = compile_network(convolution(), CONFIG, "csd")
    assert sum(item.tiles for item in program.passes) >= 32
