"""Energies of two gates, a flip-flop and a clock gate, by hand.

At 1 V; the library's energies inside are 2 fJ (rise) and 1 fJ (fall) + 1 fJ per ns of slew, four
times as much in the clock gate; of a clock pin 3 and 2 fJ, of a flip-flop's data 1 and 1 fJ.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.energy.weights import energy_weights
from pann_hw.technology.liberty import read_library
from rtl_gen.gates.netlist import Instance, Memory, Netlist, ReadPort
from sim.gates.model import gate_model
from sim.gates.timing import timing_of
from tests.gate_designs import library_files, netlist
from tests.liberty_text import GATES, gates
from tests.test_sim_gates_timing import EDGE


def _energies(made: Netlist, changes: dict[int, int]) -> dict[str, tuple[float, float]]:
    model = gate_model(made, library_files()[0])
    weights = energy_weights(model, timing_of(model))
    counts = np.zeros(made.nets, np.int64)
    for net, count in changes.items():
        counts[net] = count
    return {path: (e.logic, e.clock) for path, e in weights.energies(counts).items()}


def test_two_gates() -> None:
    made = netlist(
        Instance("INV", "left", {"A": 3, "Y": 4}),
        Instance("NAND2", "right", {"A": 4, "B": 3, "Y": 5}),
        outputs=(5,),
    )
    # 0.5 C V^2: 4 fF at net 3, 2 fF at net 4; net 5 drives nothing.
    inverter = 0.5 * 2 + 1.5 + EDGE / 1000
    inverted = 10 + 0.1 * EDGE + 5 * 2
    nand = 1.5 + (inverted + EDGE) / 2 / 1000
    found = _energies(made, {3: 1})
    assert found[""] == pytest.approx((0.5 * 4, 0))
    assert found["left"] == found["right"] == (0, 0)
    found = _energies(made, {3: 3, 4: 10, 5: 7})
    assert found[""][0] == pytest.approx(3 * 2)
    assert found["left"] == pytest.approx((10 * inverter, 0))
    assert found["right"] == pytest.approx((7 * nand, 0))


def test_clocks() -> None:
    made = netlist(
        Instance("ICG", "gate", {"CK": 2, "EN": 3, "SE": 0, "GCK": 4}),
        Instance("DFF", "flops", {"CK": 4, "D": 3, "Q": 5}),
        Instance("DFF", "flops", {"CK": 2, "D": 3, "Q": 6}),
        outputs=(5, 6),
    )
    # A change of a clock pin: 0.5 * 2 fF and the mean of 3 and 2 fJ; of the gate's, 2 and 2.
    found = _energies(made, {2: 2})
    assert found["gate"] == pytest.approx((0, 2 * (1 + 2)))
    assert found["flops"] == pytest.approx((0, 2 * (1 + 2.5)))
    # The gated clock's load is that of the flip-flop; inside of the gate 4 times 1.5 fJ.
    found = _energies(made, {4: 2})
    assert found["gate"] == pytest.approx((0, 2 * (4 * 1.5 + EDGE / 1000)))
    assert found["flops"] == pytest.approx((0, 2 * (1 + 2.5)))
    # Data of both: 1 fJ each a change. Their load, 3 pins, is the outside's.
    found = _energies(made, {3: 1})
    assert found["flops"] == pytest.approx((2 * 1, 0))
    assert found[""] == pytest.approx((0.5 * 6, 0))
    found = _energies(made, {5: 1})
    assert found["flops"] == pytest.approx((1.5 + EDGE / 1000, 0))


def test_a_clock_pin_with_energy_in_some_states_only(
    tmp_path: Path,
) -> None:
    """What an edge takes where nothing changes is not taken where the output does."""
    plain = 'internal_power () {  rise_power (pin_energy) { values ("0.003, 0.003, 0.003"); }'
    assert plain in GATES["DFF"]
    shared = plain.replace("{  rise", '{ when : "(D*Q)+(!D*!Q)"; rise')
    path = tmp_path / "shared.lib"
    path.write_text(gates({**GATES, "DFF": GATES["DFF"].replace(plain, shared)}))
    library = read_library([path])
    made = netlist(Instance("DFF", "", {"CK": 2, "D": 3, "Q": 4}), outputs=(4,))
    model = gate_model(made, library)
    weights = energy_weights(model, timing_of(model))
    still = weights.energies(np.array([0, 0, 2, 0, 0]))[""]
    assert still.clock == pytest.approx(2 * (1 + 2.5))
    moving = weights.energies(np.array([0, 0, 2, 0, 1]))[""]
    assert moving.clock == pytest.approx(2 * (1 + 2.5) - 3)
    assert moving.logic == pytest.approx(1.5 + EDGE / 1000)


def test_memories_drive_what_reads_them() -> None:
    memory = Memory("part.words", 2, 1, (ReadPort(1, (3,), (4,)),), ())
    instances = (Instance("INV", "part", {"A": 4, "Y": 5}),)
    made = Netlist("hand", 6, {}, {"clk": (2,), "a": (3,)}, {"y": (5,)}, instances, (memory,))
    assert _energies(made, {4: 3})["part.words"] == pytest.approx((3 * 0.5 * 2, 0))


def test_leakage_and_area() -> None:
    made = netlist(
        Instance("INV", "a.b", {"A": 3, "Y": 4}),
        Instance("DFF", "a.b", {"CK": 2, "D": 4, "Q": 5}),
        Instance("NAND2", "a", {"A": 5, "B": 3, "Y": 6}),
    )
    model = gate_model(made, library_files()[0])
    found = energy_weights(model, timing_of(model)).energies(np.zeros(made.nets))
    assert (found["a.b"].leakage, found["a.b"].area) == pytest.approx((1 + 10, 1 + 8))
    assert (found["a"].leakage, found["a"].area) == pytest.approx((2, 2))
