"""Average pooling's circuit: rounded means, and flips of the power model."""

from __future__ import annotations

import numpy as np

from pann_hw.power.average_pool import AveragePool
from pann_hw.power.unit import net_flips
from sim.unit_bench import UnitRun, run_units

UNITS = [AveragePool(2, 2), AveragePool(3, 4), AveragePool(8, 16), AveragePool(5, 64)]


def _assert_flips(unit: AveragePool, stimulus: dict[str, np.ndarray], run: UnitRun) -> None:
    """Every bit of every net, and the result in every cycle."""
    trace = unit.trace(stimulus)
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(run.flips[net], net_flips(values, width), err_msg=net)
    values = trace["register"][2] % 2**unit.width >> unit.shift
    np.testing.assert_array_equal(run.outputs["value"], values)


def test_means_of_windows(rng: np.random.Generator) -> None:
    windows, stimuli = {}, {}
    for unit in UNITS:
        most = 2**unit.bits - 1
        # Every sum: from none to all of a window's activations at the largest, each by one.
        sums = np.arange(unit.size * most + 1)[:, None]
        ramps = (sums - most * np.arange(unit.size)).clip(0, most)
        random = rng.integers(0, most + 1, (100, unit.size))
        windows[unit.name] = np.concatenate([ramps, random])
        stimuli[unit.name] = unit.stimulus({"x": windows[unit.name]})
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        means = runs[unit.name].outputs["value"][unit.size + 1 :: unit.size + 1]
        np.testing.assert_array_equal(means, np.floor(windows[unit.name].mean(1) + 0.5))
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])


def test_any_control(rng: np.random.Generator) -> None:
    """Pauses, windows cut short, sums that wrap, ``load`` with ``enable``."""
    stimuli = {
        unit.name: {
            port: np.append(rng.integers(0, 2**width, 2000), 0)
            for port, width in unit.ports.items()
        }
        for unit in UNITS
    }
    for stimulus in stimuli.values():
        stimulus["load"] &= rng.random(2001) < 0.02
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])
