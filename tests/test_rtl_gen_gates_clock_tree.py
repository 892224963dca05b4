"""Clock gates in front of clock gates: open where any behind them is, and the same pulses."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from pann_hw.technology.library import Library
from rtl_gen.gates.clock_tree import nested_clock_gates
from rtl_gen.gates.netlist import Instance, Netlist
from sim.gates.model import GateModel, gate_model
from tests.gate_designs import library_files, netlist

CLOCK = 2
ENABLES = range(3, 8)


@pytest.fixture(scope="module")
def library() -> Library:
    return library_files()[0]


def gated(groups: dict[str, int]) -> Netlist:
    """Clock gates in modules, each with an enable of its own, and a flip-flop behind each."""
    instances, net = [], 10
    for path, count in groups.items():
        for enable in list(ENABLES)[:count]:
            instances += [
                Instance("ICG", path, {"CK": CLOCK, "EN": enable, "SE": 0, "GCK": net}),
                Instance("DFF", path, {"CK": net, "D": enable, "Q": net + 1}),
            ]
            net += 2
    made = netlist(*instances, outputs=range(11, net, 2))
    return replace(made, nets=max(made.nets, net))


def opened(model: GateModel, values: dict[int, int]) -> dict[int, bool]:
    """Which gated clocks have a pulse, all enables being settled."""
    nets = dict(values) | {0: 0, 1: 1}
    for gate in model.gates:
        index = sum(nets[net] << bit for bit, net in enumerate(gate.inputs))
        nets[gate.output] = gate.table >> index & 1
    pulses = {model.netlist.clock: True}
    waiting = list(model.clock_gates)
    while waiting:
        one = next(gate for gate in waiting if gate.clock in pulses)
        waiting.remove(one)
        pulses[one.output] = pulses[one.clock] and any(nets[net] for net in one.enables)
    return pulses


def test_flip_flops_see_the_same_pulses(library: Library) -> None:
    before = gated({"many": 5, "few": 3})
    after = nested_clock_gates(before, library)
    plain, nested = gate_model(before, library), gate_model(after, library)
    assert len(nested.clock_gates) == len(plain.clock_gates) + 1
    for bits in product((0, 1), repeat=len(ENABLES)):
        values = dict(zip(ENABLES, bits, strict=True))
        found = opened(nested, values)
        expected = opened(plain, values)
        assert {net: found[net] for net in expected} == expected
        # The one in front rests where all behind it do.
        (front,) = set(found) - set(expected)
        assert found[front] == any(bits)


def test_only_modules_of_many_get_one(library: Library) -> None:
    few = gated({"one": 3, "other": 3})
    assert nested_clock_gates(few, library).instances == few.instances
    added = nested_clock_gates(gated({"one": 4}), library).instances[8:]
    assert {instance.path for instance in added} == {"one"}
    assert [instance.cell for instance in added] == ["OR2", "OR2", "OR2", "ICG"]


def test_a_library_without_an_or_keeps_them(library: Library) -> None:
    cells = {name: cell for name, cell in library.cells.items() if name != "OR2"}
    before = gated({"many": 5})
    assert nested_clock_gates(before, replace(library, cells=cells)) is before
