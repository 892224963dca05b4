"""Mapping: cells that are used, clock gates, the cache; three real libraries agree with PyTorch."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.errors import InputError
from pann_hw.technology.known import TECHNOLOGIES, GateCell, Technology, technology
from pann_hw.technology.liberty import read_library
from pann_hw.technology.library import Library
from rtl_gen.gates import map as mapping
from rtl_gen.gates.map import clock_gate_of, map_to_gates
from rtl_gen.gates.netlist import Netlist
from rtl_gen.yosys import run_yosys
from sim.gates.model import gate_model
from tests.gate_designs import infer, library_files, real_design, small
from tests.liberty_text import GATES, gates, pdk

ANY = next(iter(TECHNOLOGIES.values()))
OWN = replace(
    ANY,
    name="own",
    avoided=(),
    clock_gate=GateCell("ICG", "CK", "EN", "GCK", ("SE",)),
)


class _Counter(wiring.Component):
    """Eight bits that count, and two that follow, while enabled."""

    enable: In(1)
    other: In(1)
    x: In(2)
    y: Out(2)
    count: Out(8)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part = part = Module()
        held = Signal(8)
        with part.If(self.enable):
            part.d.sync += held.eq(held + Mux(self.other, 3, 1))
        with m.If(self.other):
            m.d.sync += self.y.eq(self.x)
        m.d.comb += self.count.eq(held)
        return m


def _mapped(
    chosen: Technology | None = None, *, clock_gating: bool = True
) -> tuple[Netlist, Library]:
    library, files = library_files()
    netlist = map_to_gates(_Counter(), "top", library, files, chosen, clock_gating=clock_gating)
    return netlist, library


def test_clock_gates_from_three_flip_flops_on() -> None:
    netlist, library = _mapped()
    model = gate_model(netlist, library)
    assert len(model.clock_gates) == 1
    assert Counter(flop.gate for flop in model.flip_flops) == {0: 8, -1: 2}
    (gate,) = model.clock_gates
    assert netlist.instances[gate.instance].pins["SE"] == 0
    assert netlist.instances[gate.instance].path == "part"
    plain = gate_model(_mapped(clock_gating=False)[0], library)
    assert not plain.clock_gates
    assert len(plain.flip_flops) == 10


def test_cells_that_a_technology_avoids() -> None:
    used = {instance.cell for instance in _mapped(OWN)[0].instances}
    assert "XOR2" in used
    assert "ICG" in used
    avoiding = replace(OWN, avoided=("X*", "MUX?"))
    found = {instance.cell for instance in _mapped(avoiding)[0].instances}
    assert not found & {"XOR2", "MUX2"}


def _library(tmp_path: Path, cells: dict[str, str]) -> tuple[Library, list[Path]]:
    path = tmp_path / "other.lib"
    path.write_text(gates(cells))
    return read_library([path]), [path]


def test_the_smallest_clock_gate_is_chosen(tmp_path: Path) -> None:
    library, _ = library_files()
    expected = GateCell("ICG", "CK", "EN", "GCK", ("SE",))
    assert clock_gate_of(library, None) == expected
    assert clock_gate_of(library, OWN) == expected
    smaller = GATES["ICG"].replace("area : 6", "area : 5")
    larger = GATES["ICG"].replace("area : 6", "area : 7")
    more, _ = _library(tmp_path, {**GATES, "AAA": larger, "ZZZ": smaller})
    assert clock_gate_of(more, None).cell == "ZZZ"


def test_a_library_without_clock_gates(tmp_path: Path) -> None:
    cells = {name: inside for name, inside in GATES.items() if name != "ICG"}
    library, files = _library(tmp_path, cells)
    with pytest.raises(InputError, match=r"no clock gate .* \(--no-clock-gating\)"):
        clock_gate_of(library, None)
    with pytest.raises(InputError, match="ICG: no cell of the library"):
        clock_gate_of(library, OWN)
    plain = map_to_gates(_Counter(), "top", library, files, clock_gating=False)
    assert len(gate_model(plain, library).flip_flops) == 10


def test_what_was_mapped_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANN_HW_CACHE", str(tmp_path / "cache"))
    runs: list[list[str]] = []
    run = run_yosys

    def counted(commands: list[str], folder: Path) -> str:
        runs.append(commands)
        return run(commands, folder)

    monkeypatch.setattr(mapping, "run_yosys", counted)
    library, files = _library(tmp_path, GATES)
    first = map_to_gates(_Counter(), "top", library, files)
    again = map_to_gates(_Counter(), "top", library, files)
    assert again.instances == first.instances
    assert len(runs) == 1
    map_to_gates(_Counter(), "top", library, files, clock_gating=False)
    assert len(runs) == 2
    # Another content of the file is another netlist, whatever its name.
    library, files = _library(tmp_path, {**GATES, "NAND2": GATES["NAND2"].replace("2;", "9;")})
    map_to_gates(_Counter(), "top", library, files)
    assert len(runs) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder"), [("sky130", "sky130hd"), ("sg13g2", "sg13g2"), ("asap7", "asap7")]
)
def test_real_libraries(name: str, folder: str) -> None:
    """The outputs of both images, and no cell that the technology avoids."""
    known = technology(name)
    made = real_design(known, pdk(folder))
    done = infer(made)
    assert (done.outputs == small().outputs).all()
    assert len(made.model.clock_gates) > 10
    used = {instance.cell for instance in made.model.netlist.instances}
    assert not any(known.avoids(cell) for cell in used)
    assert known.clock_gate.cell in used
