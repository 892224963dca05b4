"""The command of the perceptron: what it prints and refuses, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import mlp_run
from benchmarks.clock import Clock
from benchmarks.mlp import main
from benchmarks.mlp_run import Case, Cells, configuration

GOOD = Case(configuration(1), 9, 90, 0, 0, 250, 272.4, 290, 505, Cells(3210, 2300, 438, 211, {}, 0))


def replaced(monkeypatch: pytest.MonkeyPatch, one: Case) -> None:
    """Replace the measurement; two rails need more than is asked of one."""
    cells = replace(GOOD.cells, luts=4000, memories={"RAM32M": 32})
    two = replace(GOOD, config=configuration(2), cells=cells)

    def measure(rails: int, inputs: int, clock: Clock) -> Case:
        assert inputs == 9
        return {1: one, 2: two}[rails]

    monkeypatch.setattr(mlp_run, "measure", measure)


def test_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(monkeypatch, GOOD)
    assert main(["--inputs", "9"]) == 0
    shown = capsys.readouterr()
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["1", "9", "90", "0", "250", "to", "290", "272.4", "9", "of", "9", "505"] in rows
    assert ["1", "3210", "2300", "438", "211", "0", "0"] in rows
    assert ["2", "4000", "2300", "438", "211", "0", "32"] in rows
    assert shown.err == ""


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"mismatches": 2}, "rails = 1: 2 of 90 outputs differ"),
        ({"cycles_mismatched": 1}, "rails = 1: 1 of 9 inputs do not take the cycles predicted"),
        ({"most": 500}, "rails = 1: 500 cycles, asked 400"),
    ],
)
def test_what_is_wrong_ends_with_1(
    bad: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    replaced(monkeypatch, replace(GOOD, **bad))
    assert main(["--inputs", "9", "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.err == f"{message}\n"
    cases = json.loads(shown.out)["cases"]
    assert [case["config"]["rails"] for case in cases] == [1, 2]
    assert cases[0]["faults"] + cases[0]["missed"] == [message.removeprefix("rails = 1: ")]


def test_no_input_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "0"]) == 2
    assert "--inputs 0: must be at least 1" in capsys.readouterr().err
