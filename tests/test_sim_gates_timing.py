"""Loads, slews and delays of two gates and a flip-flop, by hand.

The tables of the small library are planes: delays of 30 ps (rise) and 20 ps (fall) + 0.2 slew +
4 ps/fF, slews of 10 ps + 0.1 slew + 5 ps/fF; an input has 2 fF.
"""

from __future__ import annotations

import pytest

from rtl_gen.gates.netlist import Instance, Memory, Netlist, ReadPort, WritePort
from sim.gates.model import gate_model
from sim.gates.timing import critical_path, timing_of
from tests.gate_designs import library_files, netlist

GATES = netlist(
    Instance("INV", "", {"A": 3, "Y": 4}),
    Instance("NAND2", "", {"A": 4, "B": 3, "Y": 5}),
    Instance("DFF", "", {"CK": 2, "D": 5, "Q": 6}),
    outputs=(6,),
)

EDGE = (10 + 5 * 8) / 0.9
"""Of an inverter that drives four, whose slew goes into the next: s = 10 + 0.1 s + 5 * 8."""


def test_loads_slews_and_delays() -> None:
    timing = timing_of(gate_model(GATES, library_files()[0]))
    assert timing.edge_slew == pytest.approx(EDGE)
    assert timing.loads.tolist() == pytest.approx([0, 0, 2, 4, 2, 2, 0])
    inverted = 10 + 0.1 * EDGE + 5 * 2
    # Means over both inputs of the NAND.
    out = 10 + 0.1 * (inverted + EDGE) / 2 + 5 * 2
    assert timing.slews[3:6].tolist() == pytest.approx([EDGE, inverted, out])
    assert timing.slews[6] == pytest.approx(10 + 0.1 * EDGE)
    assert timing.rise[4] == pytest.approx(30 + 0.2 * EDGE + 4 * 2)
    assert timing.fall[4] == pytest.approx(20 + 0.2 * EDGE + 4 * 2)
    assert timing.rise[5] == pytest.approx(30 + 0.2 * (inverted + EDGE) / 2 + 4 * 2)
    assert timing.fall[6] == pytest.approx(20 + 0.2 * EDGE)
    assert timing.latest == pytest.approx(timing.rise.max())


def test_the_critical_path() -> None:
    model = gate_model(GATES, library_files()[0])
    timing = timing_of(model)
    # The inverter's and the NAND's rise; the flip-flop's own delay is shorter.
    assert critical_path(model, timing) == pytest.approx(timing.rise[4] + timing.rise[5])


def test_wires() -> None:
    timing = timing_of(gate_model(GATES, library_files()[0]), wire=1.5)
    assert timing.loads.tolist() == pytest.approx([0, 0, 3.5, 7, 3.5, 3.5, 0])


def test_wires_to_memories() -> None:
    memory = Memory("words", 2, 1, (ReadPort(3, (4,), (6,)),), (WritePort((5,), (4,), (3,)),))
    alone = Netlist("hand", 7, {}, {"clk": (2,), "a": (3, 4, 5)}, {"y": (6,)}, (), (memory,))
    timing = timing_of(gate_model(alone, library_files()[0]), wire=1.0)
    assert timing.loads[2:].tolist() == pytest.approx([0, 2, 2, 1, 0])
    assert timing.slews[6] == pytest.approx(EDGE)
