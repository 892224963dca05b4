"""Buffers: loads that cells can drive, the same function, modules, clocks without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.technology.library import Library
from rtl_gen.gates.buffer import buffered, longest_slew, most_load
from rtl_gen.gates.netlist import Instance, Netlist
from sim.gates.model import GateModel, gate_model
from sim.gates.timing import timing_of
from tests.gate_designs import design, library_files, netlist


@pytest.fixture(scope="module")
def library() -> Library:
    return library_files()[0]


def _fan_out(sinks: int, driver: str = "INV") -> Netlist:
    # Net 4 goes to as many inverters, in two modules in turn.
    first = Instance(driver, "left", {"A": 3, "Y": 4})
    paths = ("all.left", "all.right")
    others = [Instance("INV", paths[k % 2], {"A": 4, "Y": 5 + k}) for k in range(sinks)]
    return netlist(first, *others, outputs=range(5, 5 + sinks))


def _values(model: GateModel, a: int) -> np.ndarray:
    value = np.zeros(model.netlist.nets, np.int64)
    value[[1, 3]] = 1, a
    for gate in model.gates:
        index = sum(int(value[net]) << bit for bit, net in enumerate(gate.inputs))
        value[gate.output] = gate.table >> index & 1
    return value


def _overloaded(model: GateModel, wire: float = 0.0) -> list[int]:
    loads, library = timing_of(model, wire).loads, model.library
    slew = longest_slew(library)
    clocks = {gate.output for gate in model.clock_gates}
    return [
        net
        for instance in model.netlist.instances
        for pin, output in library.cell(instance.cell).outputs.items()
        if (net := instance.pins.get(pin, 0)) > 1
        and net not in clocks
        and loads[net] > most_load(output, slew)
    ]


def test_the_load_of_short_slews(library: Library) -> None:
    # Half of 0.5 ns; 0.01 + 0.1 * 0.25 + 5 / strength * load = 0.25 ns; but the table ends at 50 fF
    # and the cell may drive 40 fF for each unit of strength.
    assert longest_slew(library) == pytest.approx(250)
    limits = {name: most_load(library.cell(name).outputs["Y"], 250) for name in ("INV", "BUF4")}
    assert limits == pytest.approx({"INV": 40, "BUF4": 50})
    slow = most_load(library.cell("INV").outputs["Y"], 100)
    assert slow == pytest.approx((0.1 - 0.01 - 0.01) / 5 * 1000, rel=1e-3)


def test_what_is_light_enough_stays(library: Library) -> None:
    light = _fan_out(20)
    assert buffered(light, library).instances == light.instances


@pytest.mark.parametrize("sinks", [21, 60, 700, 3000])
@pytest.mark.parametrize("wire", [0.0, 1.5])
def test_large_fan_outs(sinks: int, wire: float, library: Library) -> None:
    heavy = _fan_out(sinks)
    light = buffered(heavy, library, wire=wire)
    before, after = gate_model(heavy, library), gate_model(light, library)
    assert _overloaded(before, wire)
    assert not _overloaded(after, wire)
    added = light.instances[len(heavy.instances) :]
    assert {instance.cell for instance in added} <= {"BUF1", "BUF4"}
    # No more than one for each that would be full, and those above.
    assert len(added) <= 2 + 1.2 * sinks * (2 + wire) / 40
    for a in (0, 1):
        assert (_values(after, a)[: heavy.nets] == _values(before, a)).all()
    paths = {instance.path for instance in added}
    assert paths <= {"all", "all.left", "all.right"}
    assert sinks < 60 or {"all.left", "all.right"} <= paths


def test_nets_from_outside(library: Library) -> None:
    sinks = [Instance("INV", "", {"A": 3, "Y": 4 + k}) for k in range(100)]
    light = buffered(netlist(*sinks), library)
    assert timing_of(gate_model(light, library)).loads[3] <= 50


def test_clocks_have_none(library: Library) -> None:
    gate = Instance("ICG", "", {"CK": 2, "EN": 3, "SE": 0, "GCK": 4})
    flops = [Instance("DFF", "", {"CK": 4 if k % 2 else 2, "D": 0, "Q": 5 + k}) for k in range(200)]
    clocked = netlist(gate, *flops)
    assert buffered(clocked, library).instances == clocked.instances


def test_a_library_without_buffers(library: Library) -> None:
    cells = {name: cell for name, cell in library.cells.items() if not name.startswith("BUF")}
    bare = replace(library, cells=cells)
    assert buffered(_fan_out(5), bare).instances == _fan_out(5).instances
    with pytest.raises(InputError, match="small_gates has no buffer, and a net drives 50 pins"):
        buffered(_fan_out(50), bare)


def test_an_accelerator_has_sane_slews() -> None:
    made = design()
    assert made.buffers > 0
    assert not _overloaded(made.model)
    assert made.timing.slews.max() <= longest_slew(made.model.library)
