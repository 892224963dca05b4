"""The command of lanes: what it measures, prints, writes and refuses, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import lanes
from benchmarks.document import BEGIN, END
from benchmarks.lanes import main
from benchmarks.lanes_run import Measured, Process
from benchmarks.lanes_tiles import Tile
from benchmarks.lanes_variants import VARIANTS, Variant
from benchmarks.networks import NETWORKS
from pann_hw.technology.known import technology
from pann_hw.technology.library import Library
from tests.benchmark_data import small_network
from tests.lane_tiles import MEASURED, random_tile


@pytest.fixture
def arguments(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Of a folder with a small network; nothing is mapped, and nothing recorded."""
    monkeypatch.setitem(NETWORKS, "resnet8", small_network(tmp_path, "resnet8", rng))
    for file in NETWORKS["resnet8"].files:
        (tmp_path / file).touch()

    def found(name: str, _folder: Path) -> Process:
        return Process(technology(name), Library(name, 1.0, {}), [])

    def tiles(*_given: Any) -> list[Tile]:
        return [random_tile(VARIANTS["method"].config, np.random.default_rng(1))]

    def measured(variant: Variant, _tiles: object, width: int, process: Process) -> Measured:
        name = process.technology.name
        return replace(MEASURED, variant=variant.name, technology=name, accumulator_width=width)

    monkeypatch.setattr(lanes, "find_process", found)
    monkeypatch.setattr(lanes, "record_tiles", tiles)
    monkeypatch.setattr(lanes, "measure", measured)
    monkeypatch.setattr(lanes, "require_icarus", lambda: None)
    kept, output = tmp_path / "networks", tmp_path / "measured.json"
    folders = ["--data-folder", str(tmp_path), "--network-folder", str(kept)]
    return [*folders, "--output", str(output), "--variants", "method,signed-3"]


def test_the_first_technology_has_all_variants(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    measured = [(one["technology"], one["variant"]) for one in shown["results"]]
    assert measured == [
        ("sky130", "method"), ("sky130", "signed-3"), ("sg13g2", "method"), ("asap7", "method"),
    ]  # fmt: skip
    assert set(shown["accuracies"]) == {"8-csd", "signed-3bit"}
    assert 0 <= shown["float_accuracy"] <= 1


def test_figures_are_kept_and_written(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = tmp_path / "lanes.md"
    document.write_text(f"# Lanes\n\n{BEGIN}\nold\n{END}\n")
    assert main(arguments) == 0
    assert "sky130: The method" in capsys.readouterr().out
    monkeypatch.setattr(lanes, "measure", None)
    assert main([*arguments, "--document", str(document), "--jobs", "2"]) == 0
    text = document.read_text()
    assert "| 3 x 3 | 0.95 | 1000 | 1.00 |" in text and "old" not in text


@pytest.mark.parametrize(
    ("option", "value"),
    [("--images", "0"), ("--jobs", "0"), ("--windows", "4"), ("--variants", "a"),
     ("--technologies", "sky90")],
)  # fmt: skip
def test_bad_arguments(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option, value]) == 2
    shown = capsys.readouterr().err
    assert option in shown and "must be" in shown and shown.count("\n") == 1


def test_without_data_or_libraries_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--data-folder", str(tmp_path), "--pdk-folder", str(tmp_path)]
    assert main(folders) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "ResNet-8: skipped" in shown.err and "asap7: skipped" in shown.err
