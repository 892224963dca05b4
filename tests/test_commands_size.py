"""``pann-hw size`` on the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.config import AcceleratorConfig
from pann_hw.program.deployment import load_deployment
from pann_hw.sizing import cost
from pann_hw.sizing.cost import Estimator
from tests import sizing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("size")
    (place / "net.py").write_text(sizing.FACTORY)
    x, y = sizing.images()
    np.savez(place / "data.npz", x=x, y=y)
    return place


def arguments(folder: Path, *more: str, budget: tuple[str, ...]) -> list[str]:
    return [
        "size", f"{folder}/net.py:make", "--data", f"{folder}/data.npz", "--recipe", "plain",
        "--output", f"{folder}/sized.pann", *budget, *more,
    ]  # fmt: skip


POWER = ("--power", "40uW", "--fps", "1000")
SMALL = ("--tech", "sky130", "--lanes", "8,16", "--cores", "1,4")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Estimates that take no time; what they were asked for."""
    asked: list[Any] = []

    def by_coefficients(technology: str, x: np.ndarray) -> Estimator:
        asked.append((technology, x.shape))
        return sizing.estimate

    monkeypatch.setattr(cost, "by_coefficients", by_coefficients)
    return asked


def test_sized(folder: Path, fake: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, *SMALL, "--measured", "2", "--json", budget=POWER)) == 0
    result = json.loads(capsys.readouterr().out)
    assert fake == [("sky130", (2, 1, 6, 6))]
    chosen = result["chosen"]
    assert [one["chosen"] for one in result["trials"]].count(True) == 1
    assert 0.9 <= result["part"] <= 1
    assert result["met"]
    assert chosen["power_with_memories"] == pytest.approx(40e-6 * result["part"])
    assert chosen["power"] < chosen["power_with_memories"]
    assert chosen["rate"] >= 1000
    deployment = load_deployment(Path(result["program"]))
    assert AcceleratorConfig.load(Path(result["config"])) == deployment.config
    assert (deployment.config.lanes, deployment.config.cores) == (chosen["lanes"], chosen["cores"])
    assert shlex.split(result["confirm"]) == [
        "pann-hw", "power", f"{folder}/sized.pann", "--data", f"{folder}/data.npz", "--images", "2",
        "--gates", "--tech", "sky130", "--clock", f"{chosen['clock'] / 1e6:g}",
    ]  # fmt: skip
    assert float(f"{chosen['clock'] / 1e6:g}") * 1e6 == chosen["clock"]


@pytest.mark.usefixtures("fake")
def test_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, *SMALL, "--cells", budget=POWER)) == 0
    out, err = capsys.readouterr()
    assert "40 uW at 1000 inferences/s, sky130" in out
    assert "<- chosen" in out
    assert "(an estimate, not in the budget)" in out
    assert "Confirm: pann-hw power" in out
    assert "not used up" not in out
    assert "% of the budget" in err


@pytest.mark.usefixtures("fake")
def test_left_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = ("--energy", "1mJ")
    assert main(arguments(folder, *SMALL, budget=budget)) == 0
    assert "The energy budget is not used up" in capsys.readouterr().out


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("budget", "more", "message"),
    [
        ((), SMALL, "give one of --power and --energy"),
        (("--power", "2mW", "--energy", "5uJ"), SMALL, "give one of --power and --energy"),
        (("--power", "2mW"), SMALL, "needs a rate, --fps"),
        (("--power", "2", "--fps", "30"), SMALL, "power '2': must be a number above 0 with its"),
        (("--energy", "5mW"), SMALL, "energy '5mW': must be a number above 0 with its unit"),
        (("--power", "2mW", "--fps", "-1"), SMALL, "fps -1: must be above 0"),
        (POWER, (), "give --tech, one of sky130, sg13g2, asap7, or --liberty"),
        (POWER, ("--tech", "sky131"), "technology 'sky131': must be one of"),
        (POWER, (*SMALL, "--lane", "csd,dsp"), "--lane csd,dsp: must be of csd, mac"),
        (POWER, (*SMALL, "--lanes", "8,x"), "--lanes 8,x: must be numbers"),
        (POWER, (*SMALL, "--lanes", "7"), "lanes = 7: must be one of"),
        (POWER, (*SMALL, "--max-clock", "0"), "clock 0 MHz: must be above 0"),
        (POWER, (*SMALL, "--measured", "0"), "--measured 0: must be at least 1"),
        (POWER, (*SMALL, "--max-shift", "2"), "max_shift = 2: must be one of"),
        (POWER, (*SMALL, "--output", "sized.json"), "must not end in .json"),
        (("--power", "1nW", "--fps", "1000"), SMALL, "power 1 nW at 1000 inferences/s: the least"),
        (("--power", "1W", "--fps", "1e6"), SMALL, "lower the rate or raise the clock"),
    ],
)
def test_bad_input(
    budget: tuple[str, ...],
    more: tuple[str, ...],
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments(folder, *more, budget=budget)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pann-hw: error: ")
    assert message in error


@pytest.mark.slow
def test_confirmed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default coefficients say the same of the program that is written."""
    budget = ("--energy", "1mJ")
    more = ("--tech", "sky130", "--lanes", "8", "--cores", "1", "--lane", "csd", "--json")
    assert main(arguments(folder, *more, budget=budget)) == 0
    largest = json.loads(capsys.readouterr().out)["chosen"]["energy_with_memories"] * 1e-15
    limit = 0.6 * largest
    assert main(arguments(folder, *more, budget=("--energy", f"{limit}J"))) == 0
    result = json.loads(capsys.readouterr().out)
    assert main([*shlex.split(result["confirm"])[1:], "--json"]) == 0
    confirmed = json.loads(capsys.readouterr().out)["energy_with_memories"] * 1e-15
    assert confirmed == pytest.approx(limit * result["part"], rel=1e-9)
    assert 0.9 * limit <= confirmed <= limit
