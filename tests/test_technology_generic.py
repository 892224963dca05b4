"""The generic library: functions, what it says to mappers, and that it counts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest

from pann_hw.energy.weights import energy_weights
from pann_hw.technology.boolean import function
from pann_hw.technology.generic import VOLTAGE, generic_files, generic_library, liberty_text
from rtl_gen.gates.netlist import Instance, Netlist
from rtl_gen.yosys import run_yosys
from sim.gates.model import gate_model
from sim.gates.timing import critical_path, timing_of

_MEANT: dict[str, Callable[..., bool]] = {
    "INV": lambda a: not a,
    "BUF": lambda a: a,
    "NAND2": lambda a, b: not (a and b),
    "NAND3": lambda a, b, c: not (a and b and c),
    "NOR2": lambda a, b: not (a or b),
    "NOR3": lambda a, b, c: not (a or b or c),
    "AND2": lambda a, b: a and b,
    "OR2": lambda a, b: a or b,
    "OR3": lambda a, b, c: a or b or c,
    "OR4": lambda a, b, c, d: a or b or c or d,
    "XOR2": lambda a, b: a != b,
    "XNOR2": lambda a, b: a == b,
    "MUX2": lambda a, b, s: b if s else a,
    "AOI21": lambda a, b, c: not ((a and b) or c),
    "OAI21": lambda a, b, c: not ((a or b) and c),
}


def test_functions() -> None:
    cells = generic_library().cells
    assert set(cells) == {*_MEANT, "DFF", "CLKGATE"}
    for name, meant in _MEANT.items():
        cell = cells[name]
        made = cell.outputs["Y"].function
        assert made is not None and made.inputs == tuple(cell.inputs), name
        for values in itertools.product((0, 1), repeat=len(cell.inputs)):
            given = dict(zip(cell.inputs, values, strict=True))
            assert made.value(given) == int(meant(*values)), (name, given)


def test_mappers_see_the_same_cells() -> None:
    text, cells = liberty_text(), generic_library().cells
    written = dict(re.findall(r"cell\((\w+)\) \{ area: ([\d.]+);", text))
    # Clock gates are put in by name.
    assert set(written) == set(cells) - {"CLKGATE"}
    assert all(float(area) == cells[name].area for name, area in written.items())
    for name, expression in re.findall(r'cell\((\w+)\).*pin\(Y\).*function: "(.*)"', text):
        made = cells[name].outputs["Y"].function
        assert function(expression, list(cells[name].inputs)) == made
    assert generic_files()[0].read_text() == text


def test_yosys_reads_it(tmp_path: object) -> None:
    (path,) = generic_files()
    log = run_yosys([f"read_liberty {path.name}", "stat"], path.parent)
    assert "XNOR2" in log and "DFF" in log


def _count(made: Netlist, changes: dict[int, int]) -> dict[str, tuple[float, float]]:
    model = gate_model(made, generic_library())
    weights = energy_weights(model, timing_of(model))
    counts = np.zeros(made.nets, np.int64)
    for net, number in changes.items():
        counts[net] = number
    return {path: (one.logic, one.clock) for path, one in weights.energies(counts).items()}


def _netlist(*instances: Instance) -> Netlist:
    return Netlist("hand", 12, {}, {"clk": (2,), "a": (3, 4)}, {"y": (7,)}, instances)


def test_a_change_counts_each_pin_that_the_net_drives() -> None:
    assert pytest.approx(1) == 0.5 * VOLTAGE**2
    made = _netlist(
        Instance("INV", "left", {"A": 3, "Y": 5}),
        Instance("NAND2", "right", {"A": 5, "B": 4, "Y": 6}),
        Instance("XOR2", "right", {"A": 5, "B": 6, "Y": 7}),
    )
    found = _count(made, {3: 100, 4: 10, 5: 7, 6: 3, 7: 1000})
    # 5 drives two pins, 7 none; ports are the top module's.
    assert found["left"] == pytest.approx((14, 0))
    assert found["right"] == pytest.approx((3, 0))
    assert found[""] == pytest.approx((110, 0))
    model = gate_model(made, generic_library())
    assert critical_path(model, timing_of(model)) == pytest.approx(300)


def test_edges_count_at_clock_pins() -> None:
    made = _netlist(
        Instance("CLKGATE", "gate", {"CK": 2, "EN": 3, "GCK": 5}),
        Instance("DFF", "flops", {"CK": 5, "D": 4, "Q": 6}),
        Instance("DFF", "flops", {"CK": 5, "D": 6, "Q": 7}),
        Instance("DFF", "free", {"CK": 2, "D": 6, "Q": 8}),
    )
    found = _count(made, {2: 20, 5: 6, 6: 1})
    assert found["gate"] == pytest.approx((0, 20))
    assert found["flops"] == pytest.approx((2, 12))
    assert found["free"] == pytest.approx((0, 20))
