"""Max pooling's circuit: maxima, and flips of the power model."""

from __future__ import annotations

import numpy as np

from pann_hw.power.max_pool import MaxPool
from pann_hw.power.unit import net_flips
from sim.unit_bench import UnitRun, run_units

UNITS = [MaxPool(2, 2), MaxPool(3, 4), MaxPool(8, 4), MaxPool(8, 9)]


def _assert_flips(unit: MaxPool, stimulus: dict[str, np.ndarray], run: UnitRun) -> None:
    """Every bit of every net, and the result in every cycle."""
    trace = unit.trace(stimulus)
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(run.flips[net], net_flips(values, width), err_msg=net)
    np.testing.assert_array_equal(run.outputs["value"], trace["register"][2])


def test_maxima_of_windows(rng: np.random.Generator) -> None:
    windows, stimuli = {}, {}
    for unit in UNITS:
        most = 2**unit.bits - 1
        # Every window of two activations; ramps, ties and extremes among others.
        ramp = np.arange(unit.size) % (most + 1)
        corners = [ramp, ramp[::-1], ramp * 0, ramp * 0 + most, most - ramp * 0 - ramp % 2]
        windows[unit.name] = np.concatenate(
            [
                np.indices((4, 4)).reshape(2, -1).T if unit.size == 2 else np.stack(corners),
                rng.integers(0, most + 1, (400, unit.size)),
            ]
        )
        stimuli[unit.name] = unit.stimulus({"x": windows[unit.name]})
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        maxima = runs[unit.name].outputs["value"][unit.size :: unit.size]
        np.testing.assert_array_equal(maxima, windows[unit.name].max(1))
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])


def test_any_control(rng: np.random.Generator) -> None:
    """Pauses, windows cut short, ``first`` without ``enable``."""
    stimuli = {
        unit.name: {
            port: np.append(rng.integers(0, 2**width, 2000), 0)
            for port, width in unit.ports.items()
        }
        for unit in UNITS
    }
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])
