"""The requantiser's circuit: values of the integer network, and flips of the power model."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.integer.requantise import Scale, requantise
from pann_hw.power.requantiser import Requantiser
from pann_hw.power.unit import net_flips
from sim.unit_bench import UnitRun, run_units

NARROW = Requantiser(3, 8, ((1, 1), (1, 4)))
UNITS = [NARROW, Requantiser.typical(4, 16), Requantiser.typical(8, 24), Requantiser.typical(2, 60)]

SCALES = [
    Scale(steps)
    for steps in (
        ((1, 0),),
        ((1, 15),),
        ((-1, 3), (1, 4)),
        ((1, 0), (1, 0), (1, 0), (1, 15)),
        ((-1, 9), (0, 6), (1, 2)),
        ((1, 5), (-1, 1), (1, 0)),
    )
]


def _run(
    unit: Requantiser, operands: list[np.ndarray], scales: list[Scale]
) -> list[tuple[Requantiser, dict[str, np.ndarray], UnitRun]]:
    """The unit's circuit with each scale's steps in turn: the steps come in by its ports."""
    stepped = [Requantiser(unit.bits, unit.width, scale.steps) for scale in scales]
    stimuli = [each.stimulus({"a": a}) for each, a in zip(stepped, operands, strict=True)]
    runs = run_units(UNITS, [{unit.name: stimulus} for stimulus in stimuli], outputs=True)
    return [
        (each, stimulus, run[unit.name])
        for each, stimulus, run in zip(stepped, stimuli, runs, strict=True)
    ]


def _assert_flips(unit: Requantiser, stimulus: dict[str, np.ndarray], run: UnitRun) -> None:
    """Every bit of every net, and the value in every cycle."""
    trace = unit.trace(stimulus)
    assert set(trace) <= set(run.flips)
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(run.flips[net], net_flips(values, width), err_msg=net)
    np.testing.assert_array_equal(run.outputs["value"], trace["value"][2])


def test_all_accumulators_with_every_kind_of_step() -> None:
    a = np.arange(-128, 128)
    for unit, stimulus, run in _run(NARROW, [a[None]] * len(SCALES), SCALES):
        after = np.arange(1, 257) * len(unit.steps)
        expected = requantise(a, Scale(unit.steps), 7)
        np.testing.assert_array_equal(run.outputs["value"][after], expected)
        _assert_flips(unit, stimulus, run)


@pytest.mark.parametrize("unit", UNITS[1:], ids=lambda unit: unit.name)
def test_random_accumulators(rng: np.random.Generator, unit: Requantiser) -> None:
    largest = 2 ** (unit.width - 1)
    uniform = rng.integers(-largest, largest, (4, 64))
    uniform[0, :4] = [-largest, largest - 1, 0, -1]
    gaussian = np.floor(rng.standard_normal((4, 64)) * 12 * 2**unit.bits).astype(np.int64)
    scales = [Scale(unit.steps), Scale(unit.steps), SCALES[3]]
    for each, stimulus, run in _run(unit, [uniform, gaussian, uniform], scales):
        _assert_flips(each, stimulus, run)


def test_pauses(rng: np.random.Generator) -> None:
    """Cycles without ``enable``, others with both digits at once."""
    stimulus = NARROW.stimulus({"a": rng.integers(-128, 128, (1, 100))})
    pauses = np.sort(rng.integers(0, len(stimulus["a"]), 60))
    paused = {port: np.insert(word, pauses, word[pauses]) for port, word in stimulus.items()}
    paused["enable"] = np.insert(stimulus["enable"], pauses, 0)
    paused["subtract"][pauses] = 1
    run = run_units(UNITS, [{NARROW.name: paused}], outputs=True)[0][NARROW.name]
    _assert_flips(NARROW, paused, run)
