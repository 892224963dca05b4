"""Cells of a small library, of each kind."""

from __future__ import annotations

import pytest
from liberty.parser import parse_liberty

from pann_hw.technology.cells import read_cell
from pann_hw.technology.library import Cell, ClockGate, Function
from pann_hw.technology.tables import Tables
from tests.liberty_text import CELLS, text


def _cell(name: str, before: str = "", after: str = "") -> Cell:
    assert before in CELLS[name]
    group = parse_liberty(text({name: CELLS[name].replace(before, after, 1)}))
    return read_cell(group.get_groups("cell")[0], Tables(group))


def test_kinds() -> None:
    expected = {
        "logic": ["INV", "NAND2", "NOR2", "XOR2", "TIE"],
        "flip_flop": ["DFF", "DFFNR"],
        "latch": ["LAT"],
        "clock_gate": ["ICG"],
        "other": ["EBUF", "FILL", "ISO"],
    }
    found = {name: _cell(name).kind for name in CELLS}
    assert found == {name: kind for kind, names in expected.items() for name in names}
    assert not _cell("EBUF").usable
    assert _cell("DFF").usable


def test_functions() -> None:
    def of(name: str) -> Function | None:
        return next(iter(_cell(name).outputs.values())).function

    assert of("INV") == Function(("A",), 0b01)
    assert of("NAND2") == Function(("A", "B"), 0b0111)
    assert of("NOR2") == Function(("A", "B"), 0b0001)
    assert of("XOR2") == Function(("A", "B"), 0b0110)
    assert of("TIE") == Function((), 1)
    assert of("EBUF") is None


def test_area_leakage_and_capacitance() -> None:
    nand = _cell("NAND2")
    assert nand.area == 2.5
    assert nand.leakage == pytest.approx(0.015)
    assert nand.inputs["A"].capacitance == pytest.approx(2.0)
    assert _cell("INV").leakage == pytest.approx(0.003)
    assert _cell("NOR2").leakage == pytest.approx(0.007)
    # The library's default.
    assert _cell("DFFNR").inputs["CKN"].capacitance == pytest.approx(4.0)
    assert _cell("INV").outputs["Y"].max_capacitance == pytest.approx(100.0)
    assert nand.outputs["Y"].max_capacitance is None


def test_delays() -> None:
    a, b = _cell("NAND2").outputs["Y"].arcs
    assert (a.related, a.sense, b.related) == ("A", "negative", "B")
    assert a.rise is not None
    assert a.rise.at(10.0, 2.0) == pytest.approx(120.0)
    assert a.rise.at(30.0, 4.0) == pytest.approx(240.0)
    nor = _cell("NOR2").outputs["Y"].arcs[0]
    assert nor.rise is not None
    assert nor.fall is not None
    assert nor.rise.at(30.0, 2.0) == pytest.approx(400.0)
    assert nor.fall.at(30.0, 2.0) == pytest.approx(700.0)
    assert nor.rise_slew is None


def test_a_delay_is_the_mean_over_conditions() -> None:
    a, b = _cell("XOR2").outputs["Y"].arcs
    assert (a.sense, b.sense) == ("none", "none")
    assert a.fall is not None
    # Of 0.1 and 0.3 ns; the 0.9 ns are for no condition.
    assert a.fall.at(10.0, 1.0) == pytest.approx(210.0)


def test_flip_flops() -> None:
    plain = _cell("DFF")
    assert plain.flip_flop is not None
    assert plain.clock == "CK"
    assert plain.inputs["CK"].clock
    assert not plain.inputs["D"].clock
    assert plain.state == ("IQ", "IQN")
    assert plain.flip_flop.rising
    assert plain.flip_flop.next_state == Function(("D",), 0b10)
    assert plain.outputs["Q"].function == Function(("IQ",), 0b10)
    held = _cell("DFFNR").flip_flop
    assert held is not None
    assert (held.clock, held.rising) == ("CKN", False)
    assert held.next_state.inputs == ("D", "E", "IQ")
    for d in (0, 1):
        for e in (0, 1):
            for q in (0, 1):
                assert held.next_state.value({"D": d, "E": e, "IQ": q}) == (d if e else q)
    assert held.clear == Function(("RN",), 0b01)
    assert held.preset == Function(("SN",), 0b01)
    assert held.both == ("L", "H")


def test_an_asynchronous_input_has_one_edge() -> None:
    arcs = {arc.related: arc for arc in _cell("DFFNR").outputs["QN"].arcs}
    assert arcs["RN"].fall is None
    assert arcs["RN"].rise is not None
    assert arcs["CKN"].fall is not None


def test_latch() -> None:
    latch = _cell("LAT").latch
    assert latch is not None
    assert latch.enable == Function(("G",), 0b10)
    assert latch.data == Function(("D",), 0b10)
    assert _cell("LAT").clock is None


def test_clock_gate() -> None:
    gate = _cell("ICG")
    assert gate.clock_gate == ClockGate("CK", "EN", "SE", "GCK", "M")
    assert (gate.clock, gate.state) == ("CK", ("M",))
    assert gate.dont_use
    assert not gate.usable
    assert list(gate.outputs) == ["GCK"]
    assert gate.outputs["GCK"].function == Function(("CK", "M"), 0b1000)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("ICG", '"CK * M"', '"CK + M"'),
        ("ICG", "latch_posedge_precontrol", "latch_posedge_postcontrol"),
        ("DFF", '"CK"', '"CK * D"'),
        ("DFF", "clocked_on :", 'clocked_on_also : "D"; clocked_on :'),
        ("INV", "direction : input", "direction : inout"),
        ("INV", 'function : "A\'";', ""),
        ("LAT", "latch (IQ, IQN)", 'ff (A, B) { clocked_on : "G"; } latch (IQ, IQN)'),
    ],
)
def test_what_is_none_of_these_is_other(name: str, before: str, after: str) -> None:
    assert _cell(name, before, after).kind == "other"


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("INV", '"A\'"', '"X"', 'function "X": X is no pin'),
        ("DFF", 'next_state : "D";', "", "ff lacks next_state"),
        ("DFF", "(IQ, IQN)", "(IQ)", "ff has 1 state names"),
        ("DFF", '"CK"; next', '"CP"; next', "clocked_on: CP is no pin"),
        ("DFF", '"D * Q"', '"D * Z"', 'when "D \\* Z": Z is no pin'),
        ("INV", "area : 1", "area : wide", "area = 'wide' is no number"),
        ("INV", "(delay)", "(unheard)", "no template unheard"),
    ],
)
def test_errors(name: str, before: str, after: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _cell(name, before, after)
