"""Energies of a small library's pins, and the states that they are weighted by."""

from __future__ import annotations

import pytest
from liberty.parser import parse_liberty

from pann_hw.technology.cells import read_cell
from pann_hw.technology.energies import states
from pann_hw.technology.library import Cell, ClockGate, FlipFlop, Function
from pann_hw.technology.tables import Tables
from tests.liberty_text import CELLS, text


def _cell(name: str, before: str = "", after: str = "") -> Cell:
    assert before in CELLS[name]
    group = parse_liberty(text({name: CELLS[name].replace(before, after, 1)}))
    return read_cell(group.get_groups("cell")[0], Tables(group))


def test_states_of_logic() -> None:
    known = states(["A", "B"], None, {"Y": Function(("B", "A"), 0b0010)})
    assert known.inputs == ("A", "B")
    # B and not A.
    assert known.values == {"A": 0b1010, "B": 0b1100, "Y": 0b0100}
    assert known.calm == known.ones == 0b1111


def test_states_of_a_flip_flop() -> None:
    held = FlipFlop(
        ("Q", "N"), "C", True, Function(("D",), 2), clear=Function(("R",), 2), preset=None
    )
    known = states(["R", "C"], held, {"QN": Function(("N",), 2)})
    assert known.inputs == ("R", "C", "Q")
    assert known.values["Q"] == 0xF0
    assert known.values["N"] == known.values["QN"] == 0x0F
    assert known.calm == 0x55
    assert known.asynchronous == {"R"}


def test_states_of_a_clock_gate() -> None:
    gate = ClockGate("C", "E", None, "G", "M")
    known = states(["C", "E"], gate, {"G": Function(("C", "M"), 0b1000)})
    assert known.inputs == ("C", "E", "M")
    assert known.values["G"] == known.values["C"] & known.values["M"]


def test_energy_of_an_output_leaves_out_ground() -> None:
    a, b = _cell("NAND2").outputs["Y"].energies
    assert (a.related, b.related) == ("A", "B")
    assert a.rise.at(10.0, 1.0) == pytest.approx(4.0)
    assert a.fall.at(10.0, 1.0) == pytest.approx(6.0)
    (inverter,) = _cell("INV").outputs["Y"].energies
    assert inverter.fall.at(10.0, 1.0) == pytest.approx(-1.0)


def test_energy_of_an_input_is_for_the_edges_that_change_no_output() -> None:
    (energy,) = _cell("NAND2").inputs["A"].energies
    assert energy.related is None
    assert energy.rise.at(10.0, 0.0) == pytest.approx(1.0)
    assert energy.fall.at(10.0, 0.0) == pytest.approx(2.0)
    # While B is 0.
    assert (energy.rise_share, energy.fall_share) == (0.5, 0.5)


def test_energy_of_a_clock() -> None:
    (energy,) = _cell("DFF").inputs["CK"].energies
    # Rising: where D and Q are alike; where they are not, the output's table has it.
    assert energy.rise.at(10.0, 0.0) == pytest.approx((10 + 12) / 2)
    assert energy.rise_share == 0.5
    # Falling: three conditions, and what is left, D = 0 and Q = 1.
    assert energy.fall.at(10.0, 0.0) == pytest.approx((20 + 22 + 30 + 40) / 4)
    assert energy.fall_share == 1.0
    (data,) = _cell("DFF").inputs["D"].energies
    assert data.rise.at(10.0, 0.0) == pytest.approx(3.0)
    assert data.rise_share == 1.0


def test_energy_counts_states_without_clear_unless_the_pin_is_clear() -> None:
    (clear,) = _cell("DFFNR").inputs["RN"].energies
    # In half of all states Q is 0.
    assert clear.rise_share == 0.5
    assert clear.fall.at(10.0, 0.0) == pytest.approx(3.0)


def test_each_supply_has_its_energy() -> None:
    second = '"!B * Y"; related_pg_pin : VBB;'
    energies = _cell("NAND2", second.replace("VBB", "VSS"), second).inputs["A"].energies
    assert [energy.rise.at(10.0, 0.0) for energy in energies] == pytest.approx([1.0, 9000.0])


def test_one_table_for_both_edges() -> None:
    (energy,) = _cell("DFF", "rise_power", "power").inputs["CK"].energies
    assert energy.rise.at(10.0, 0.0) == pytest.approx((10 + 12) / 2)


def test_an_energy_related_to_another_output_is_left_out() -> None:
    assert (
        _cell("INV", 'related_pin : "A"; rise_power', 'related_pin : "Z"; rise_power')
        .outputs["Y"]
        .energies
        == ()
    )
