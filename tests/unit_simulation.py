"""One simulator with all multipliers, accumulators and MACs under test: built once, run by all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from pann_hw.power.accumulator import Accumulator
from pann_hw.power.mac import Mac
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.products import KINDS
from pann_hw.power.unit import Stimulus, Unit, net_flips
from sim.unit_bench import UnitRun, run_units

__all__ = ["ACCUMULATORS", "MACS", "MULTIPLIERS", "assert_flips", "random_stimulus", "simulate"]

MULTIPLIERS = [
    Multiplier(kind, *widths)
    for kind in KINDS
    for widths in [*itertools.product(range(2, 6), repeat=2), (8, 8)]
]
ACCUMULATORS = [
    Accumulator(bits, width, signed)
    for bits, width in ((2, 2), (4, 16), (5, 24), (16, 32), (7, 63))
    for signed in (False, True)
]
MACS = [
    *(Mac(kind, *widths) for kind in KINDS for widths in ((2, 2, 4), (4, 4, 32), (3, 5, 16))),
    Mac("booth", 7, 6, 24),
]

AnyUnit = TypeVar("AnyUnit", bound=Unit)


def simulate(stimuli: Mapping[AnyUnit, Stimulus]) -> dict[AnyUnit, UnitRun]:
    """Run some of the units, each with its stimulus, the others at rest."""
    units: list[Unit] = [*MULTIPLIERS, *ACCUMULATORS, *MACS]
    named = {unit.name: stimulus for unit, stimulus in stimuli.items()}
    runs = run_units(units, [named], outputs=True)[0]
    return {unit: runs[unit.name] for unit in stimuli}


def random_stimulus(unit: Unit, cycles: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every port at random in every cycle, 0 in the last."""
    return {
        port: np.append(rng.integers(0, 2**width, cycles), 0) for port, width in unit.ports.items()
    }


def assert_flips(unit: Unit, stimulus: Stimulus, run: UnitRun) -> None:
    """The simulator flipped every bit of every net as often as the unit's trace does."""
    trace = unit.trace(stimulus)
    assert run.flips.keys() == trace.keys()
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(
            run.flips[net], net_flips(values, width), err_msg=f"{unit.name}.{net}"
        )
