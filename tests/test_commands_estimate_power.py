"""``pann-hw power --gates --tech NAME`` without Liberty files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.energy.classes import CLASSES
from pann_hw.energy.coefficients import default_coefficients, estimate
from pann_hw.program.deployment import save_deployment
from tests.test_energy_coefficients import small


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    deployment, x = small()
    save_deployment(deployment, tmp_path / "program.pann")
    np.savez(tmp_path / "data.npz", x=x)
    return ["power", str(tmp_path / "program.pann"), "--data", str(tmp_path / "data.npz")]


def test_the_default_coefficients_of_a_technology(
    program: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*program, "--gates", "--tech", "sg13g2", "--clock", "20", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    deployment, x = small()
    found = estimate(deployment, "sg13g2", x[:1], clock=20e6)
    assert result["energy"] == pytest.approx(found.energy)
    assert result["energy_with_memories"] == pytest.approx(found.energy + found.memory_energy)
    assert result["power"] == pytest.approx(found.energy * 1e-15 / found.seconds)
    assert result["coefficients"]["pulse"] == default_coefficients("sg13g2").pulse
    assert result["clock"] == 20e6 and result["mismatches"] == 0
    assert sum(part["energy"] for part in result["classes"]) == pytest.approx(found.energy)


def test_the_table_says_that_it_is_an_estimate(
    program: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*program, "--gates", "--tech", "sky130"]) == 0
    shown = capsys.readouterr().out
    assert "Estimated with default coefficients of sky130 (1.8 V)" in shown
    assert "Cells, estimated with default coefficients:" in shown
    assert all(name in shown for name in (*CLASSES, "all cells"))
    assert "fJ per flip-flop and clock pulse" in shown and "measured" not in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gates"], "--gates: give --liberty FILE"),
        (["--gates", "--tech", "tsmc"], "technology 'tsmc': must be one of sky130, sg13g2, asap7"),
        (["--gates", "--tech", "sky130", "--windows", "3"], "--windows 3: default coefficients"),
        (["--gates", "--tech", "sky130", "--wire", "0.5"], "--wire 0.5: default coefficients"),
        (["--gates", "--tech", "sky130", "--clock", "0"], "--clock 0: must be above 0"),
        (["--tech", "sky130"], "--tech: goes with --gates"),
    ],
)
def test_bad_options(
    program: list[str],
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*program, *options]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert message in shown.err
