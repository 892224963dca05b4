"""Unit delays: glitches by hand, flip-flops and clock gates, windows beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import MismatchError
from pann_hw.technology.generic import generic_library
from rtl_gen.gates.netlist import Instance, Netlist
from sim.gates.model import GateModel, gate_model
from sim.gates.unit_delay import run_unit_delay
from sim.gates.zero_delay import DRIVEN_PORTS, Window

# Net 3 is `rst`, all that drives the gates; the other ports have nets of their own.
_PORTS = {port: (3 + index,) for index, port in enumerate(DRIVEN_PORTS)}
_FIRST = 3 + len(DRIVEN_PORTS)


def _model(nets: int, *instances: Instance) -> GateModel:
    made = Netlist("hand", _FIRST + nets, {}, {"clk": (2,), **_PORTS}, {}, instances)
    return gate_model(made, generic_library())


def _window(state: dict[int, int], rst: list[int], toggles: dict[int, int], nets: int) -> Window:
    first, expected = np.zeros(_FIRST + nets, np.uint8), np.zeros(_FIRST + nets, np.int64)
    first[1] = 1
    for net, value in state.items():
        first[net] = value
    for net, count in toggles.items():
        expected[net] = count
    inputs = np.zeros((len(rst), len(DRIVEN_PORTS)), np.uint8)
    inputs[:, 0] = rst
    return Window(0, len(rst), first, inputs, expected)


A = _FIRST


def test_a_pulse_as_long_as_the_path_is_longer() -> None:
    # NAND of a signal and its complement: 1, but for the one unit that the inverter takes.
    model = _model(
        2,
        Instance("INV", "", {"A": 3, "Y": A}),
        Instance("NAND2", "", {"A": 3, "B": A, "Y": A + 1}),
    )
    state = {A: 1, A + 1: 1}
    rise = _window(state, [1, 1, 0], {3: 2, A: 2}, 2)
    found = run_unit_delay(model, [rise])
    assert found.settled[[3, A, A + 1]].tolist() == [2, 2, 0]
    # Only where the signal rises.
    assert found.changes[[3, A, A + 1]].tolist() == [2, 2, 2]


def test_windows_are_apart() -> None:
    model = _model(
        2,
        Instance("INV", "", {"A": 3, "Y": A}),
        Instance("NAND2", "", {"A": 3, "B": A, "Y": A + 1}),
    )
    up = _window({A: 1, A + 1: 1}, [1, 0, 1], {3: 3, A: 3}, 2)
    down = _window({3: 1, A: 0, A + 1: 1}, [0, 0, 0], {3: 1, A: 1}, 2)
    still = _window({A: 1, A + 1: 1}, [0, 0, 0], {}, 2)
    for windows, glitches in (([up], 4), ([down], 0), ([up, still, down, up], 8)):
        found = run_unit_delay(model, windows)
        assert found.changes[A + 1] == glitches
        assert (found.settled == sum(window.toggles for window in windows)).all()


def test_flip_flops_follow_where_their_clock_gate_is_open() -> None:
    model = _model(
        4,
        Instance("DFF", "", {"CK": 2, "D": 3, "Q": A}),
        Instance("CLKGATE", "", {"CK": 2, "EN": A, "GCK": A + 1}),
        Instance("DFF", "", {"CK": A + 1, "D": A + 3, "Q": A + 2}),
        Instance("INV", "", {"A": A + 2, "Y": A + 3}),
    )
    # The first follows a cycle later, the second turns over wherever the first was 1.
    window = _window({A + 3: 1}, [1, 1, 0, 0, 0], {3: 2, A: 2, A + 2: 2, A + 3: 2}, 4)
    found = run_unit_delay(model, [window])
    assert found.changes[[3, A, A + 2, A + 3]].tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("cell", sorted(set(generic_library().cells) - {"DFF", "CLKGATE"}))
def test_every_function(cell: str) -> None:
    # All inputs but one from flip-flops that hold; all values, a window for each, in one run.
    made = generic_library().cells[cell]
    function = made.outputs["Y"].function
    assert function is not None
    count = len(made.inputs)
    pins = {pin: A + index for index, pin in enumerate(made.inputs)}
    flops = [Instance("DFF", "", {"CK": 2, "D": net, "Q": net}) for net in pins.values()]
    model = _model(count + 1, *flops, Instance(cell, "", {**pins, "Y": A + count}))
    windows = []
    for row in range(1 << count):
        state = {A + index: row >> index & 1 for index in range(count)}
        # The output begins wrong, and is put right in the first cycle.
        state[A + count] = 1 - (function.table >> row & 1)
        windows.append(_window(state, [0, 0], {A + count: 1}, count + 1))
    found = run_unit_delay(model, windows)
    assert found.changes[A + count] == 1 << count


def test_windows_that_settle_differently_are_told() -> None:
    model = _model(1, Instance("INV", "", {"A": 3, "Y": A}))
    with pytest.raises(MismatchError, match=f"net {A} settles differently"):
        run_unit_delay(model, [_window({A: 1}, [1, 0], {3: 2, A: 1}, 1)])
