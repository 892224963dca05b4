"""The residual addition's circuit: all sums, and flips of the power model."""

from __future__ import annotations

import numpy as np

from pann_hw.power.nets import grid
from pann_hw.power.residual_add import ResidualAdd
from pann_hw.power.unit import net_flips
from sim.unit_bench import UnitRun, run_units

UNITS = [ResidualAdd(bits) for bits in range(2, 9)]


def _assert_flips(unit: ResidualAdd, stimulus: dict[str, np.ndarray], run: UnitRun) -> None:
    """Every bit of every net, and the result in every cycle."""
    trace = unit.trace(stimulus)
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(run.flips[net], net_flips(values, width), err_msg=net)
    np.testing.assert_array_equal(run.outputs["total"], trace["register"][2])


def test_all_sums_up_to_six_bits() -> None:
    stimuli = {}
    for unit in UNITS[:5]:
        x, y = grid(np.arange(2**unit.bits), np.arange(2**unit.bits))
        stimuli[unit.name] = unit.stimulus({"x": x, "y": y})
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS[:5]:
        stimulus = stimuli[unit.name]
        np.testing.assert_array_equal(
            runs[unit.name].outputs["total"][1:], (stimulus["x"] + stimulus["y"])[:-1]
        )
        _assert_flips(unit, stimulus, runs[unit.name])


def test_random_sums_and_pauses(rng: np.random.Generator) -> None:
    stimuli = {
        unit.name: {
            "x": np.append(rng.integers(0, 2**unit.bits, 2000), 0),
            "y": np.append(rng.integers(0, 2**unit.bits, 2000), 0),
            "enable": np.append(rng.integers(0, 2, 2000), 0),
        }
        for unit in UNITS
    }
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])
