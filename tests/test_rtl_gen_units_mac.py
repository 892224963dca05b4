"""The multiply-accumulates' circuits: all sums, and the power model's flips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.power.mac import Mac
from pann_hw.power.nets import as_signed
from rtl_gen.units.mac import MacCircuit
from rtl_gen.verilog import multiplier_cells, to_verilog
from sim.build import lint
from tests.unit_operands import operands_of
from tests.unit_simulation import MACS, assert_flips, random_stimulus, simulate


def test_any_control(rng: np.random.Generator) -> None:
    """Load and enable at random: load goes first, without both the register stays."""
    stimuli = {unit: random_stimulus(unit, 3000, rng) for unit in MACS}
    for stimulus in stimuli.values():
        stimulus["load"] &= rng.random(3001) < 0.1
    for unit, run in simulate(stimuli).items():
        stimulus = stimuli[unit]
        x, w = stimulus["x"], stimulus["w"]
        if unit.multiplier.signed:
            x, w = as_signed(x, unit.x_bits), as_signed(w, unit.w_bits)
        register = 0
        for cycle, value in enumerate(run.outputs["value"].tolist()):
            expected = register - 2**unit.width if register >= 2 ** (unit.width - 1) else register
            assert value == expected, f"{unit.name}, cycle {cycle}"
            if stimulus["load"][cycle]:
                register = 0
            elif stimulus["enable"][cycle]:
                register = (register + int(x[cycle]) * int(w[cycle])) % 2**unit.width
        assert_flips(unit, stimulus, run)


@pytest.mark.parametrize("data", ["uniform", "sparse"])
def test_dot_products(data: str, rng: np.random.Generator) -> None:
    """At each sequence's end the register has its sum, and flips are those of the power model."""
    operands = {unit: operands_of(unit, data, rng, shape=(40, 25)) for unit in MACS}
    stimuli = {unit: unit.stimulus(given) for unit, given in operands.items()}
    for unit, run in simulate(stimuli).items():
        ends = np.append(np.flatnonzero(stimuli[unit]["load"])[1:], -1)
        sums = (operands[unit]["x"] * operands[unit]["w"]).sum(1) & (2**unit.width - 1)
        np.testing.assert_array_equal(run.outputs["value"][ends], as_signed(sums, unit.width))
        assert_flips(unit, stimuli[unit], run)


@pytest.mark.parametrize("unit", MACS, ids=lambda unit: unit.name)
def test_made_of_adders_alone(unit: Mac, tmp_path: Path) -> None:
    verilog = to_verilog(MacCircuit(unit), "unit")
    assert multiplier_cells(verilog, "unit") == []
    (tmp_path / "unit.v").write_text(verilog)
    lint(tmp_path / "unit.v", "unit")
