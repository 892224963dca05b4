"""``pann-hw train``: what it prints, what it saves, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.integer.network import Accumulate
from pann_hw.integer.store import load
from pann_hw.quantise.budget import flips_per_mac, multiplier_flips_per_mac
from tests.quantise_graphs import images

NETWORK = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(128, 5))
"""


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("train")
    (folder / "net.py").write_text(NETWORK)
    np.savez(folder / "data.npz", x=images(96), y=np.arange(96) % 5)
    return [
        "train", f"{folder / 'net.py'}:make", "--data", str(folder / "data.npz"),
        "--images", "64", "--recipe", "plain", "--epochs", "2", "--output", str(folder / "net.npz"),
    ]  # fmt: skip


def test_it_trains_and_saves(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json", "--flip", "--shift", "1", "--label-weight", "0.5"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["schedule"] == {
        "epochs": 2, "batch": 32, "rate": 0.001, "label_weight": 0.5, "flip": True, "shift": 1,
        "seed": 0,
    }  # fmt: skip
    assert len(result["epochs"]) == 2
    losses = [result["start"], *(epoch["held_out"] for epoch in result["epochs"])]
    assert losses[result["best"]] == min(losses)
    network = load(Path(result["network"]))
    assert flips_per_mac(network, 3) == result["networks"][1]["flips_per_mac"] <= 10
    assert {row["network"] for row in result["networks"]} == {"quantised", "trained"}


def test_tables(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--encoding", "unary", "--budget", "3bit", "--recipe", "full"]) == 0
    shown = capsys.readouterr().out
    assert "Budget 16.5 flips per MAC, unary terms, 96 training images" in shown
    assert shown.count("<- taken") == 1
    assert "start" in shown and "quantised" in shown and "trained" in shown


def test_activations_of_a_largest_width(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--json", "--epochs", "1", "--activation-bits", "3"]
    assert main([*arguments, *given]) == 0
    result = json.loads(capsys.readouterr().out)
    network = load(Path(result["network"]))
    assert {layer.output.bits for layer in network.layers[:-1]} <= {2, 3}


@pytest.mark.parametrize(("kind", "limits"), [("signed", (-4, 3)), ("unsigned", (-7, 7))])
def test_for_multipliers(
    kind: str, limits: tuple[int, int], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--baseline", kind, "--bits", "3", "--activation-bits", "5", "--input-bits", "8"]
    assert main([*arguments, *given, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["baseline"], result["encoding"]) == (kind, None)
    network = load(Path(result["network"]))
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            (source,) = layer.sources
            assert limits[0] <= source.weights.min() and source.weights.max() <= limits[1]
    assert {layer.output.bits for layer in network.layers[:-1]} == {5}
    assert network.input.bits == 8
    flips = multiplier_flips_per_mac(network, 3, signed=kind == "signed")
    assert result["networks"][1]["flips_per_mac"] == flips == result["budget"]
    assert main([*arguments, *given]) == 0
    title = f"{kind.capitalize()} multipliers of 3 x 5 bits, 96 training images"
    assert title in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--epochs", "0"], "epochs 0: must be at least 1"),
        (["--rate", "2"], "rate 2.0: must be above 0 and below 1"),
        (["--shift", "-1"], "shift -1: must be at least 0"),
        (["--encoding", "binary"], "--encoding binary: must be one of unary, csd"),
        (["--budget", "9bit"], "budget '9bit'"),
        (["--channel-steps"], "--channel-steps: training takes one weight step"),
        (["--activation-bits", "9"], "--activation-bits 9: must be 2..8"),
        (["--bits", "4"], "--bits 4: only with --baseline signed or unsigned"),
        (["--input-bits", "4"], "--input-bits 4: only where layers are given widths of their own"),
        (["--baseline", "signed"], "--baseline signed: needs --bits 2..8"),
        (["--baseline", "odd", "--bits", "4"], "--baseline odd: must be one of signed, unsigned"),
        (["--baseline", "signed", "--bits", "4", "--budget", "3bit"], "--budget 3bit: not with"),
        (["--device", "cuda:77"], "device 'cuda:77': not to be had"),
    ],
)
def test_bad_options(
    given: list[str], message: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *given]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("pann-hw: error: ")
    assert message in error


def test_labels_out_of_range(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "data.npz", x=images(64), y=np.arange(64) % 6)
    changed = [str(tmp_path / "data.npz") if "data.npz" in one else one for one in arguments]
    assert main(changed) == 2
    assert "classes 0..5, but the network has 5 outputs" in capsys.readouterr().err
