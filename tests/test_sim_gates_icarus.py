"""The same netlist in two independent simulators, net by net, without delays and with them."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.energy.inference import GateDesign
from pann_hw.errors import MismatchError, ToolError
from pann_hw.technology.known import technology
from sim.gates.icarus import Changes, run_icarus
from sim.gates.zero_delay import GateRun
from tests.gate_designs import design, infer, real_design
from tests.liberty_text import pdk

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="no iverilog: apt-get install iverilog"
)

WINDOWS = [(15, 25), (120, 40)]


@pytest.fixture(scope="module")
def made() -> GateDesign:
    return design()


@pytest.fixture(scope="module")
def done(made: GateDesign) -> GateRun:
    return infer(made, WINDOWS)


def _check(found: Changes, expected: np.ndarray) -> None:
    assert (found.settled[2:] == expected[2:]).all()
    assert (found.changes >= found.settled).all()
    # A net that changes twice is back where it was.
    assert ((found.changes - found.settled) % 2 == 0).all()


@needs_icarus
@pytest.mark.parametrize("number", range(len(WINDOWS)))
@pytest.mark.parametrize("delays", [False, True])
def test_settled_toggles_agree_net_by_net(
    number: int, delays: bool, made: GateDesign, done: GateRun
) -> None:
    window = done.windows[number]
    found = run_icarus(made.model, window, made.timing if delays else None)
    _check(found, window.toggles)
    assert (window.toggles > 0).sum() > 300
    flops = [flop.output for flop in made.model.flip_flops if flop.output >= 0]
    # Flip-flops and clocks have no glitches; adders have.
    assert (found.changes[flops] == found.settled[flops]).all()
    assert found.changes.sum() > found.settled.sum()
    clocks = [made.model.netlist.clock, *(gate.output for gate in made.model.clock_gates)]
    assert (found.changes[clocks] == window.toggles[clocks]).all()


@needs_icarus
def test_without_clock_gates() -> None:
    made = design(clock_gating=False)
    (window,) = infer(made, [(120, 30)]).windows
    _check(run_icarus(made.model, window), window.toggles)


@needs_icarus
def test_differences_are_found(made: GateDesign, done: GateRun) -> None:
    window = done.windows[0]
    toggles = window.toggles.copy()
    net = int(made.model.gates[1000].output)
    toggles[net] += 1
    with pytest.raises(MismatchError, match=rf"settled toggles: 1 of \d+ nets differ.* net {net} "):
        run_icarus(made.model, replace(window, toggles=toggles))
    state = window.state.copy()
    flop = next(flop.output for flop in made.model.flip_flops if flop.output >= 0)
    state[flop] ^= 1
    # The netlist's gates settle to other values than the window's.
    with pytest.raises(MismatchError, match=r"gates, (state|settled toggles): "):
        run_icarus(made.model, replace(window, state=state))


@needs_icarus
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder"), [("sky130", "sky130hd"), ("sg13g2", "sg13g2"), ("asap7", "asap7")]
)
def test_real_libraries(name: str, folder: str) -> None:
    made = real_design(technology(name), pdk(folder))
    (window,) = infer(made, [(120, 40)]).windows
    for timing in (None, made.timing):
        _check(run_icarus(made.model, window, timing), window.toggles)


def test_where_it_is_missing(
    made: GateDesign, done: GateRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolError, match="iverilog is missing: apt-get install iverilog"):
        run_icarus(made.model, done.windows[0])
