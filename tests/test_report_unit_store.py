"""Reports as JSON: keys, round trips, files that are none."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pann_hw.errors import InputError
from pann_hw.report.unit_store import FORMAT, from_dict, load_report, save_report, to_dict
from pann_hw.report.units import Measurement, Report
from tests.unit_reports import invented_report, small_report


def test_round_trip(tmp_path: Path, seed: int) -> None:
    for report in (invented_report(), small_report((2,), ("multiplier", "residual"), seed)):
        save_report(report, tmp_path / "units.json")
        assert load_report(tmp_path / "units.json") == report
        assert from_dict(to_dict(report)) == report
        assert json.loads((tmp_path / "units.json").read_text()) == json.loads(
            json.dumps(to_dict(report))
        )


def test_keys() -> None:
    report = invented_report()
    plain: Any = to_dict(report)
    names = {field.name for field in fields(Report)}
    assert set(plain) == names | {"format", "summary", "claims"}
    assert plain["format"] == FORMAT
    for row in plain["measurements"]:
        assert set(row) == {field.name for field in fields(Measurement)} | {"errors"}
    item, row = report.measurements[5], plain["measurements"][5]
    assert row["errors"] == {
        model: item.error(model) for model in ("formula", "predicted", "independent")
    }
    assert row["parameters"] == item.parameters
    summary = plain["summary"]
    assert summary["nets"] == 3 * len(report.measurements)
    assert summary["bits"] == 10 * len(report.measurements)
    assert summary["differences"] == 0
    assert summary["worst"]["predicted"]["error"] == pytest.approx(2)
    assert summary["worst"]["formula"]["error"] == pytest.approx(300)
    assert summary["worst"]["formula"]["source"] == "recorded"
    assert {name: len(rows) for name, rows in plain["claims"].items()} == {
        "signed_to_unsigned": 2 * 2 * 3 * 4,
        "one_operand_narrowed": 3 * 3 * 4,
        "pann": 8 * 2 * 3 * 4,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no report of pann-hw power units"),
        ("[]", "is no report of pann-hw power units"),
        ('{"format": "pann-hw units 1"}', "is no report of pann-hw power units"),
        ('{"format": "other"}', "format 'other', must be 'pann-hw units 1'"),
    ],
)
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "units.json").write_text(text)
    with pytest.raises(InputError, match=f"units.json: {message}"):
        load_report(tmp_path / "units.json")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(No such file"):
        load_report(tmp_path / "none.json")
