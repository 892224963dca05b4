"""The demonstration, whole: what it must show, and that a failed one leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pann_hw.cli import main
from pann_hw.network import digits
from pann_hw.program.deployment import load_deployment


@pytest.mark.parametrize("images", [90, pytest.param(360, marks=pytest.mark.slow)])
def test_demo_shows_what_it_must(
    images: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, test = digits.digits_data()
    monkeypatch.setattr(digits, "digits_data", lambda: (train, test.first(images)))
    folder = tmp_path / "demo"
    assert main(["demo", "--json", "--output", str(folder)]) == 0
    result = json.loads(capsys.readouterr().out)

    assert result["mismatches"] == 0
    assert result["images"] == images
    assert result["float_accuracy"] >= 0.98
    assert result["verilog"] == str(folder / "accelerator.v")
    assert result["seconds"] > 0
    points = {(point["budget"], point["encoding"]): point for point in result["points"]}
    assert set(points) == {(b, e) for b in ("2bit", "3bit", "4bit") for e in ("unary", "csd")}
    for (budget, encoding), point in points.items():
        where = f"{budget}, {encoding}"
        assert 2 <= point["bx"] <= 8, where
        assert point["R"] > 0, where
        assert point["flips_per_mac"] <= {"2bit": 10, "3bit": 16.5, "4bit": 24}[budget], where
        assert point["agreement"] >= 0.97, where
        assert point["cycles_per_image"] == point["cycles_predicted"], where
        assert point["accuracy"] >= result["float_accuracy"] - 0.01, where
    for budget in ("2bit", "3bit", "4bit"):
        unary, csd = points[budget, "unary"], points[budget, "csd"]
        assert csd["cycles_per_image"] < unary["cycles_per_image"]
    for name, flips in result["toggles"].items():
        assert flips["predicted"] == flips["counted"] > 0, name

    assert {path.name for path in folder.iterdir()} == {
        "accelerator.v",
        "config.json",
        "digits.pt2",
        "program.pann",
        "test.npz",
        "train.npz",
        "waivers.vlt",
    }
    assert len(load_deployment(folder / "program.pann").programs) == 6


def test_failed_demo_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--term-words", "100", "--output", f"{tmp_path}/demo"]) == 2
    captured = capsys.readouterr()
    assert "raise term_words" in captured.err.splitlines()[-1]
    assert captured.out == ""
    assert not list(tmp_path.iterdir())
