"""``pann-hw quantize`` with its recipes and their switches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.integer.store import load

FACTORY = """
import torch
from torch import nn

def make():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(64, 3))
"""


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("quantize")
    (folder / "net.py").write_text(FACTORY)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(40, 1, 6, 6)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=rng.integers(0, 3, 40))
    return [
        "quantize", f"{folder}/net.py:make", "--data", f"{folder}/data.npz",
        "--output", f"{folder}/net.npz", "--json",
    ]  # fmt: skip


def output(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict[str, object]:
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict)
    return result


def test_full_is_better_than_plain(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    errors = []
    for name, count in (("plain", 7), ("full", 3)):
        result = output(capsys, [*arguments, "--recipe", name])
        candidates = result["candidates"]
        assert isinstance(candidates, list)
        assert len(candidates) == count
        assert all(candidate["flips_per_mac"] <= 10 for candidate in candidates)
        errors.append(min(candidate["error"] for candidate in candidates))
    assert errors[1] < errors[0]


def test_switches_are_reported(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    result = output(
        capsys,
        [*arguments, "--no-layer-budgets", "--no-match-float", "--channel-steps", "--equalise",
         "--thrift", "0.2", "--clip", "percentile"],
    )  # fmt: skip
    recipe = result["recipe"]
    assert isinstance(recipe, dict)
    assert recipe | {"damping": 0.01} == {
        "feedback": True, "damping": 0.01, "match_float": False, "thrift": 0.2,
        "other_thrifts": [],
        "correct_biases": True, "clip": "percentile", "equalise": True, "channel_steps": True,
        "layer_budgets": False,
    }  # fmt: skip


def test_largest_widths_under_a_budget(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of lanes of 4 bits, which the network's input must not exceed either."""
    output(capsys, [*arguments, "--budget=30"])
    path = Path(arguments[arguments.index("--output") + 1])
    assert load(path).input.bits > 4
    output(capsys, [*arguments, "--budget=30", "--activation-bits=4", "--input-bits=3"])
    network = load(path)
    assert network.input.bits == 3
    assert max(layer.output.bits for layer in network.layers[:-1]) == 4


@pytest.mark.parametrize(("kind", "flips"), [("signed", 36.0), ("unsigned", 24.0)])
def test_baseline(
    kind: str, flips: float, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = output(capsys, [*arguments, "--baseline", kind, "--bits", "4"])
    assert (result["baseline"], result["encoding"]) == (kind, None)
    assert result["budget"] == result["flips_per_mac"] == flips
    assert result["bx"] == 4
    network = load(Path(arguments[arguments.index("--output") + 1]))
    assert {network.input.bits, *(layer.output.bits for layer in network.layers[:-1])} == {4}
    wide = output(capsys, [*arguments, "--baseline", kind, "--bits=4", "--input-bits=8"])
    taken = wide["flips_per_mac"]
    assert isinstance(taken, float)
    assert taken > flips
    assert main([*arguments[:-1], "--baseline", kind, "--bits", "4"]) == 0
    assert f"4-bit {kind} multipliers, 40 calibration images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--baseline=pann"], "signed, unsigned"),
        (["--baseline=signed"], "needs --bits 2..8"),
        (["--baseline=signed", "--bits=9"], "--bits 9: must be 2..8"),
        (["--baseline=signed", "--bits=4", "--input-bits=1"], "--input-bits 1: must be 2..8"),
        (["--baseline=signed", "--bits=4", "--budget=2bit"], "--budget 2bit: not with --baseline"),
        (["--baseline=signed", "--bits=4", "--encoding=csd"], "--encoding csd: not with"),
        (["--bits=4"], "--bits 4: only with --baseline"),
        (["--input-bits=9"], "--input-bits 9: must be 2..8"),
        (
            ["--input-bits=4", "--no-layer-budgets"],
            (
                "--input-bits 4: only where layers are given widths of their own, by quantize with "
                "--layer-budgets, or with --baseline signed or unsigned"
            ),
        ),
    ],
)
def test_bad_baselines(
    options: list[str], found: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *options]) == 2
    error = capsys.readouterr().err
    assert found in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("--recipe=best", "plain, full"),
        ("--thrift=-1", "at least 0"),
        ("--clip=max", "mse, percentile, none"),
    ],
)
def test_bad_recipes(
    option: str, found: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, option]) == 2
    assert found in capsys.readouterr().err
