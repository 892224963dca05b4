"""The command of the boards: what it prints and refuses, and how it ends."""

from __future__ import annotations

import json

import pytest

from benchmarks import board_run
from benchmarks.board import main
from benchmarks.board_run import Case, Point
from benchmarks.clock import Clock


def replaced(monkeypatch: pytest.MonkeyPatch, mismatches: int = 0) -> None:
    """Replace the measurement."""

    def measure(name: str, bauds: list[int], images: int | None, clock: Clock) -> list[Case]:
        assert images == 9
        points = [Point(9, mismatches, 6000.0, 5000.0), Point(9, 0, 3000.0, 2500.0)]
        rest = (75.0, 50.0, 1 / 6, 1.5, 2.5, 0)
        return [Case(name, 12_000_000, baud, points, *rest) for baud in bauds]

    monkeypatch.setattr(board_run, "measure", measure)


def test_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(monkeypatch)
    assert main(["--images", "9", "--networks", "digits"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["digits", "12", "3000000", "0", "9", "0", "6000", "5000"] in rows
    row = ["digits", "3000000", "18", "75.0", "50.0", "4500", "3750", "2667", "16.7"]
    assert [*row, "1.5", "2.5"] in rows


def test_a_line_that_is_slow_bounds_the_cycles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch)
    assert main(["--images", "9", "--json"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    found = [(case["network"], case["baud"], round(case["bound"])) for case in cases]
    assert found == [
        ("digits", 3_000_000, 3750),
        ("icebreaker", 3_000_000, 3750),
        ("perceptron", 3_000_000, 3750),
        ("perceptron", 1_000_000, 9000),
        ("perceptron", 115_200, 78125),
    ]


def test_a_mismatch_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, mismatches=2)
    assert main(["--images", "9", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["cases"][0]["mismatches"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images", "0"), "--images 0: must be at least 1"),
        (
            ("--networks", "digits,none"),
            "--networks none: must be of digits, icebreaker, perceptron",
        ),
    ],
)
def test_wrong_arguments(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) == 2
    assert message in capsys.readouterr().err
