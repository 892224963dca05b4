"""The frontier's command: what it prints, what it keeps, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.frontier import main
from pann_hw.integer.store import load
from tests.benchmark_data import made_up_folder


def test_points_are_printed_and_networks_kept(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_up_folder(tmp_path, rng, 800)
    arguments = ["--data-folder", str(folder), "--output", str(tmp_path / "kept")]
    arguments += ["--columns", "10-csd,signed-4bit"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["network"] == "resnet8" and 0 <= found["float"] <= 1
    assert [point["column"] for point in found["points"]] == ["10-csd", "signed-4bit"]
    network = load(tmp_path / "kept" / "resnet8" / "signed-4bit.npz")
    assert network.bits == 4
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "P = 10 CSD" in shown and "Uniform, signed MACs: 4-bit" in shown
    assert f"{found['points'][0]['terms']:.3f}" in shown


def test_without_data_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data-folder", str(tmp_path)]) == 0
    assert "ResNet-8: skipped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--network", "mnist_cnn"], "--network mnist_cnn: must be one of resnet8, resnet20"),
        (["--columns", "11-csd,9bit"], "'9bit' must be one of"),
    ],
)
def test_bad_arguments(given: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 2
    assert message in capsys.readouterr().err
