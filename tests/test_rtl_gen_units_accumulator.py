"""The accumulators' circuits: all sums, and the power model's flips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.power.accumulator import Accumulator
from pann_hw.power.nets import as_signed
from rtl_gen.units.accumulator import AccumulatorCircuit
from rtl_gen.verilog import to_verilog
from sim.build import lint
from tests.unit_operands import operands_of
from tests.unit_simulation import ACCUMULATORS, assert_flips, random_stimulus, simulate


def test_any_control(rng: np.random.Generator) -> None:
    """Load and enable at random: load goes first, without both the register stays."""
    stimuli = {unit: random_stimulus(unit, 3000, rng) for unit in ACCUMULATORS}
    for stimulus in stimuli.values():
        # Sums that grow: a load now and then.
        stimulus["load"] &= rng.random(3001) < 0.1
    for unit, run in simulate(stimuli).items():
        stimulus = stimuli[unit]
        register = 0
        for cycle, value in enumerate(run.outputs["value"].tolist()):
            expected = register - 2**unit.width if register >= 2 ** (unit.width - 1) else register
            assert value == expected, f"{unit.name}, cycle {cycle}"
            addend = int(stimulus["addend"][cycle])
            if unit.signed and addend >= 2 ** (unit.bits - 1):
                addend -= 2**unit.bits
            if stimulus["load"][cycle]:
                register = 0
            elif stimulus["enable"][cycle]:
                register = (register + addend) % 2**unit.width
        assert_flips(unit, stimulus, run)


def test_sequences(rng: np.random.Generator) -> None:
    """At each sequence's end the register has its sum, and flips are those of the power model."""
    operands = {unit: operands_of(unit, "uniform", rng, shape=(40, 25)) for unit in ACCUMULATORS}
    stimuli = {unit: unit.stimulus(given) for unit, given in operands.items()}
    for unit, run in simulate(stimuli).items():
        ends = np.append(np.flatnonzero(stimuli[unit]["load"])[1:], -1)
        sums = operands[unit]["d"].sum(1) & (2**unit.width - 1)
        np.testing.assert_array_equal(run.outputs["value"][ends], as_signed(sums, unit.width))
        assert_flips(unit, stimuli[unit], run)


@pytest.mark.parametrize("unit", ACCUMULATORS, ids=lambda unit: unit.name)
def test_verilator_finds_nothing_to_warn_of(unit: Accumulator, tmp_path: Path) -> None:
    verilog = to_verilog(AccumulatorCircuit(unit), "unit")
    (tmp_path / "unit.v").write_text(verilog)
    lint(tmp_path / "unit.v", "unit")
