"""The serial multiplier's circuit: all products, and flips of the power model."""

from __future__ import annotations

import numpy as np

from pann_hw.power.nets import grid
from pann_hw.power.serial_multiplier import SerialMultiplier
from pann_hw.power.unit import net_flips
from sim.unit_bench import UnitRun, run_units

UNITS = [SerialMultiplier(*widths) for widths in ((2, 2), (4, 4), (3, 6), (6, 3), (8, 8))]


def _assert_flips(unit: SerialMultiplier, stimulus: dict[str, np.ndarray], run: UnitRun) -> None:
    """Every bit of every net, and the result in every cycle."""
    trace = unit.trace(stimulus)
    for net, (_, width, values) in trace.items():
        np.testing.assert_array_equal(run.flips[net], net_flips(values, width), err_msg=net)
    state = (trace["upper"][2] << unit.w_bits) + trace["lower"][2]
    np.testing.assert_array_equal(run.outputs["product"], state)


def test_products(rng: np.random.Generator) -> None:
    """All of them up to 9 bits of both operands together; of 8 by 8 those of 0, 1 and the largest
    words, and random ones."""
    operands, stimuli = {}, {}
    for unit in UNITS:
        x, w = grid(np.arange(2**unit.x_bits), np.arange(2**unit.w_bits))
        if unit.product_bits > 9:
            corners = grid(*[np.array([0, 1, 127, 128, 254, 255])] * 2)
            x, w = (
                np.append(corner.ravel(), rng.integers(0, 256, 2000))[None] for corner in corners
            )
        operands[unit.name] = {"x": x, "w": w}
        stimuli[unit.name] = unit.stimulus(operands[unit.name])
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        products = runs[unit.name].outputs["product"][unit.w_bits + 1 :: unit.w_bits + 1]
        expected = operands[unit.name]["x"] * operands[unit.name]["w"]
        np.testing.assert_array_equal(products, expected.ravel())
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])


def test_any_control(rng: np.random.Generator) -> None:
    """Pauses, products cut short, operands that change, ``load`` with ``step``."""
    stimuli = {
        unit.name: {
            port: np.append(rng.integers(0, 2**width, 2000), 0)
            for port, width in unit.ports.items()
        }
        for unit in UNITS
    }
    for stimulus in stimuli.values():
        stimulus["load"] &= rng.random(2001) < 0.2
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for unit in UNITS:
        _assert_flips(unit, stimuli[unit.name], runs[unit.name])
