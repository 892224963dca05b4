"""The benchmark of cycles and use: its cases, what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accelerator import main
from benchmarks.networks import NETWORKS
from pann_hw.report.utilisation import CAUSES
from tests.benchmark_data import made_up_folder


def test_every_network_on_every_accelerator(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_up_folder(tmp_path, rng)
    arguments = ["--data-folder", str(folder), "--banks", "2,4", "--terms-per-rail", "1"]
    assert main([*arguments, "--json"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert [(case["network"], case["config"]["banks"]) for case in cases] == [
        (name, banks) for name in NETWORKS for banks in (2, 4)
    ]
    for case in cases:
        config, whole = case["config"], case["whole"]
        assert (config["cores"], config["lanes"], config["window_slots"]) == (8, 32, 16)
        assert whole["cycles"] == case["cycles"] == sum(use["cycles"] for use in case["uses"])
        assert whole["slots"] == case["cycles"] * 8 * 32 * 2
        assert whole["slots"] == whole["filled"] + sum(whole[name] for name in CAUSES)
        assert 0 < whole["filled"] < whole["slots"]
        # The next input is taken while the layers behind the first one run.
        loading = case["uses"][0]["input_loading"] * case["cycles"] // whole["slots"]
        assert case["cycles"] - loading <= case["interval"] < case["cycles"]
    few, many = (case for case in cases if case["network"] == "resnet8")
    assert few["whole"]["filled"] == many["whole"]["filled"]


def test_tables_have_a_row_for_each_case_and_layer(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_up_folder(tmp_path, rng)
    arguments = ["--networks", "mnist_cnn", "--banks", "4", "--terms-per-rail", "2", "--layers"]
    assert main(["--data-folder", str(folder), *arguments]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in lines if line[:3] == ["mnist_cnn", "4", "4"]]
    assert len(rows) == 2
    assert sum(map(float, rows[1][3:])) == pytest.approx(100, abs=0.5)
    layers = [line for line in lines if len(line) == 12 and line[2].isdigit()]
    layers = [line for line in layers if line not in rows]
    assert layers[-1][:2] == ["all", rows[0][4]]
    assert sum(int(line[1]) for line in layers[:-1]) == int(rows[0][4])


def test_without_data_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data-folder", str(tmp_path), "--networks", "resnet8"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{NETWORKS['resnet8'].title}: skipped" in shown.err and str(tmp_path) in shown.err


@pytest.mark.parametrize("option", ["--banks", "--terms-per-rail", "--networks"])
def test_values_that_are_none_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option, "3"]) == 2
    assert f"{option} 3: '3' must be one of" in capsys.readouterr().err
