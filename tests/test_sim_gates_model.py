"""Netlists as simulators see them, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.errors import InputError, ToolError
from pann_hw.technology.liberty import read_library
from pann_hw.technology.library import Library
from rtl_gen.gates.netlist import Instance
from sim.gates.model import ClockGateCell, FlipFlopCell, gate_model
from tests.gate_designs import library_files, netlist
from tests.liberty_text import CELLS, text


@pytest.fixture(scope="module")
def library() -> Library:
    return library_files()[0]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Flip-flops of other kinds, and latches."""
    inverted = CELLS["DFF"].replace('"D"', '"!D"').replace('function : "IQ"', 'function : "IQN"')
    both = CELLS["DFF"].replace(
        "pin (Q)", 'pin (QN) { direction : output; function : "IQN"; }\n  pin (Q)'
    )
    clearing = CELLS["DFF"].replace('next_state : "D";', 'next_state : "D"; clear : "D";')
    path = tmp_path_factory.mktemp("odd") / "odd.lib"
    path.write_text(text({**CELLS, "DFFI": inverted, "DFF2": both, "DFFC": clearing}))
    return read_library([path])


def test_gates_come_behind_their_drivers(library: Library) -> None:
    made = netlist(
        Instance("NAND2", "", {"A": 5, "B": 3, "Y": 6}),
        Instance("INV", "", {"A": 4, "Y": 5}),
        Instance("INV", "", {"A": 3, "Y": 4}),
    )
    model = gate_model(made, library)
    assert [gate.output for gate in model.gates] == [4, 5, 6]
    assert [gate.instance for gate in model.gates] == [2, 1, 0]
    last = model.gates[-1]
    assert (last.inputs, last.table, last.pin) == ((5, 3), 0b0111, "Y")


def test_flip_flops_and_clock_gates(library: Library) -> None:
    made = netlist(
        Instance("DFF", "", {"CK": 2, "D": 3, "Q": 4}),
        Instance("DFF", "", {"CK": 6, "D": 4, "Q": 5}),
        Instance("ICG", "", {"CK": 2, "EN": 3, "SE": 0, "GCK": 6}),
    )
    model = gate_model(made, library)
    assert model.flip_flops == (
        FlipFlopCell(4, -1, 3, False, -1, 0),
        FlipFlopCell(5, -1, 4, False, 0, 1),
    )
    assert model.clock_gates == (ClockGateCell(6, 2, (3,), 2),)


def test_inverting_flip_flops(odd: Library) -> None:
    made = netlist(
        Instance("DFFI", "", {"CK": 2, "D": 3, "Q": 4}),
        Instance("DFF2", "", {"CK": 2, "D": 3, "Q": 5, "QN": 6}),
    )
    assert gate_model(made, odd).flip_flops == (
        FlipFlopCell(-1, 4, 3, True, -1, 0),
        FlipFlopCell(5, 6, 3, False, -1, 1),
    )


def test_what_cannot_be_simulated(library: Library, odd: Library) -> None:
    def refused(used: Library, *instances: Instance) -> str:
        with pytest.raises(ToolError) as caught:
            gate_model(netlist(*instances), used)
        return str(caught.value)

    loop = (
        Instance("INV", "", {"A": 4, "Y": 5}),
        Instance("NAND2", "", {"A": 5, "B": 3, "Y": 4}),
    )
    assert "a loop of gates goes through net" in refused(library, *loop)
    wrong = Instance("DFF", "part", {"CK": 3, "D": 3, "Q": 4})
    assert "flip-flop DFF in part: its clock is not" in refused(library, wrong)
    gate = Instance("ICG", "x", {"CK": 4, "EN": 3, "SE": 0, "GCK": 5})
    assert "clock gate ICG in x: its clock is neither" in refused(library, gate)
    assert "cell LAT in the top: a latch" in refused(
        odd, Instance("LAT", "", {"G": 2, "D": 3, "Q": 4})
    )
    clearing = Instance("DFFC", "", {"CK": 2, "D": 3, "Q": 4})
    assert "flip-flop DFFC in the top: its clear is used" in refused(odd, clearing)
    falling = Instance("DFFNR", "", {"CKN": 2, "D": 3, "E": 1, "RN": 1, "SN": 1, "Q": 4})
    assert "its clock is not a rising edge" in refused(odd, falling)


def test_a_cell_that_the_library_lacks(library: Library) -> None:
    few = replace(library, cells={"INV": library.cell("INV")})
    with pytest.raises(InputError, match="NAND2: no cell of the library small_gates"):
        gate_model(netlist(Instance("NAND2", "", {"A": 3, "B": 3, "Y": 4})), few)
