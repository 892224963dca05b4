"""PANN's adders' circuits: all variants' dot products, and the power model's flips."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pann_hw.power.nets import as_signed, unsigned
from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.unit import Stimulus
from rtl_gen.units.pann_adder import PannAdderCircuit
from rtl_gen.verilog import multiplier_cells, to_verilog
from sim.build import lint
from sim.unit_bench import UnitRun, run_units
from tests.unit_simulation import assert_flips, random_stimulus

UNITS = [
    *(PannAdder(*choice) for choice in itertools.product((4,), (16,), (1, 2), (0, 3), (0, 5))),
    *(PannAdder(1, 2, rails, 0, 1) for rails in (1, 2)),
    # As narrow as the shifted activation, and as wide as may be.
    PannAdder(3, 10, 1, 7, 9),
    PannAdder(3, 11, 2, 7, 1),
    PannAdder(5, 9, 2, 2),
    PannAdder(8, 32, 2, 5, 9),
    PannAdder(8, 63, 2, 3, 40),
    PannAdder(8, 63, 1, 1),
]


def simulate(stimuli: Mapping[PannAdder, Stimulus]) -> dict[PannAdder, UnitRun]:
    """All units side by side, in one simulator for all tests."""
    named = {unit.name: stimulus for unit, stimulus in stimuli.items()}
    runs = run_units(UNITS, [named], outputs=True)[0]
    return {unit: runs[unit.name] for unit in stimuli}


def test_dot_products(rng: np.random.Generator) -> None:
    """At each sequence's end; with one rail, sums of positive and of negative terms apart."""
    operands = {
        unit: {
            "x": rng.integers(0, 2**unit.x_bits, (40, 20)),
            "w": np.rint(rng.normal(0, 4, (40, 20))).astype(np.int64),
        }
        for unit in UNITS
    }
    stimuli = {unit: unit.stimulus(given) for unit, given in operands.items()}
    for unit, run in simulate(stimuli).items():
        ends = np.append(np.flatnonzero(stimuli[unit]["load"])[1:], -1)
        values = run.outputs["value"][ends]
        if unit.rails == 1:
            values = values[::2] - values[1::2]
        dots = (operands[unit]["x"] * operands[unit]["w"]).sum(1)
        np.testing.assert_array_equal(
            unsigned(values, unit.width), unsigned(dots, unit.width), err_msg=unit.name
        )
        assert_flips(unit, stimuli[unit], run)


def test_any_control(rng: np.random.Generator) -> None:
    """Ports at random: load goes first, without both the register stays, sums wrap."""
    stimuli = {unit: random_stimulus(unit, 2000, rng) for unit in UNITS}
    for unit, stimulus in stimuli.items():
        stimulus["load"] &= rng.random(2001) < 0.1
        for port in stimulus:
            if "shift" in port:
                stimulus[port] = stimulus[port].clip(0, unit.max_shift)
    for unit, run in simulate(stimuli).items():
        ports = {port: words.tolist() for port, words in stimuli[unit].items()}
        zeros = [0] * 2001
        register, expected = 0, []
        for cycle in range(2001):
            expected.append(register)
            if ports["load"][cycle]:
                register = 0
            elif ports["enable"][cycle]:
                p, n = (
                    ports.get(rail, zeros)[cycle] << ports.get(f"{rail}_shift", zeros)[cycle]
                    for rail in ("p", "n")
                )
                register = (register + p - n) % 2**unit.width
        signed = as_signed(np.array(expected), unit.width)
        np.testing.assert_array_equal(run.outputs["value"], signed, err_msg=unit.name)
        assert_flips(unit, stimuli[unit], run)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_made_of_adders_alone(unit: PannAdder, tmp_path: Path) -> None:
    verilog = to_verilog(PannAdderCircuit(unit), "unit")
    assert multiplier_cells(verilog, "unit") == []
    (tmp_path / "unit.v").write_text(verilog)
    lint(tmp_path / "unit.v", "unit")
