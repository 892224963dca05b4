"""The known technologies against their libraries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.errors import InputError
from pann_hw.technology.known import TECHNOLOGIES, recognised, technology
from pann_hw.technology.liberty import read_library
from pann_hw.technology.library import Function
from tests.gate_designs import library_files
from tests.liberty_text import pdk

_FOLDERS = {"sky130": "sky130hd", "sg13g2": "sg13g2", "asap7": "asap7"}


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match="'sky90': must be one of sky130, sg13g2, asap7") as caught:
        technology("sky90")
    assert caught.value.exit_code == 2
    assert technology("sg13g2") is TECHNOLOGIES["sg13g2"]


def test_a_library_is_recognised_by_its_cells() -> None:
    small, _ = library_files()
    assert recognised(small) is None
    sky130 = technology("sky130")
    names = (sky130.flip_flop, sky130.clock_gate.cell)
    cell = small.cell("INV")
    assert recognised(replace(small, cells=dict.fromkeys(names, cell))) is sky130
    assert recognised(replace(small, cells={names[0]: cell})) is None


def test_cells_that_are_avoided() -> None:
    sky130 = technology("sky130")
    for name in ("lpflow_isobufsrc_1", "dlygate4sd1_1", "clkdlybuf4s15_1", "sdfxtp_1", "dfrbp_1"):
        assert sky130.avoids(f"sky130_fd_sc_hd__{name}")
    for name in ("dlclkp_1", "dfxtp_1", "dlxtp_1", "fa_1", "nand2_1"):
        assert not sky130.avoids(f"sky130_fd_sc_hd__{name}")


@pytest.mark.parametrize(
    "name", ["sky130", "sg13g2", pytest.param("asap7", marks=pytest.mark.slow)]
)
def test_the_named_cells_are_there_and_are_what_they_are_named_for(name: str) -> None:
    known = technology(name)
    library = read_library(pdk(_FOLDERS[name]))
    assert library.voltage == known.supply
    assert recognised(library) is known
    buffer, inverter = library.cell(known.buffer), library.cell(known.inverter)
    assert next(iter(buffer.outputs.values())).function == Function(("A",), 0b10)
    assert next(iter(inverter.outputs.values())).function == Function(("A",), 0b01)
    flip_flop = library.cell(known.flip_flop).flip_flop
    assert flip_flop is not None
    assert flip_flop.rising
    assert len(flip_flop.next_state.inputs) == 1
    gate = library.cell(known.clock_gate.cell).clock_gate
    assert gate is not None
    assert (gate.clock, gate.enable, gate.output) == (
        known.clock_gate.clock,
        known.clock_gate.enable,
        known.clock_gate.output,
    )
    assert known.clock_gate.low == ((gate.test,) if gate.test else ())
    for tie, value in ((known.tie_high, 1), (known.tie_low, 0)):
        assert library.cell(tie.cell).outputs[tie.output].function == Function((), value)
    named = (known.buffer, known.inverter, known.flip_flop, known.clock_gate.cell)
    assert not any(known.avoids(cell) for cell in named)
    for pattern in known.avoided:
        # What probes a supply, and spares, are in other releases of the library.
        if not pattern.endswith(("__probe*", "__macro_sparecell")):
            only = replace(known, avoided=(pattern,))
            assert any(only.avoids(cell) for cell in library.cells), pattern
