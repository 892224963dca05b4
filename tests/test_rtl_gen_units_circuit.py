"""What all units' circuits share: ports, words of bits, and a signal for every counted net."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from amaranth import Cat, Module, Shape, Signal
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from pann_hw.power.unit import Unit
from rtl_gen.units.circuit import named_nets, word
from rtl_gen.units.create import create_unit
from rtl_gen.verilog import to_verilog
from tests.unit_simulation import ACCUMULATORS, MACS, MULTIPLIERS

SOME: list[Unit] = [*MULTIPLIERS[::9], *ACCUMULATORS[::3], *MACS[::4]]


@pytest.mark.parametrize("unit", SOME, ids=lambda unit: unit.name)
def test_ports_and_nets_are_those_of_the_unit(unit: Unit) -> None:
    """Each net of the trace is a signal of the top level, and there once."""
    circuit = create_unit(unit)
    assert circuit.unit is unit
    members = circuit.signature.members
    inputs = {
        name: Shape.cast(member.shape).width
        for name, member in members.items()
        if member.flow is In
    }
    assert inputs == unit.ports
    outputs = [name for name, member in members.items() if member.flow is Out]
    assert outputs == ["product" if "multiplier" in unit.name else "value"]
    verilog = to_verilog(circuit, "top")
    found = Counter(
        (name, int(high) + 1 if high else 1)
        for high, name in re.findall(
            r"^  (?:wire|reg)(?: signed)? (?:\[(\d+):0\] )?(\w+)(?: = .*)?;$", verilog, re.MULTILINE
        )
    )
    trace = unit.trace({port: np.zeros(2, np.int64) for port in unit.ports})
    for net, (_, width, _) in trace.items():
        assert found[net, width] == 1, net
    assert verilog.count("\nmodule ") == 1


def test_word_of_bits() -> None:
    a, b = Signal(name="a"), Signal(name="b")
    m = Module()
    result = Signal(5)
    m.d.comb += result.eq(word([a, None, 1, b]))
    seen = {}

    async def bench(ctx: object) -> None:
        for value in range(4):
            ctx.set(Cat(a, b), value)  # type: ignore[attr-defined]  # Amaranth's context
            seen[value] = ctx.get(result)  # type: ignore[attr-defined]

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == {0: 0b0100, 1: 0b0101, 2: 0b1100, 3: 0b1101}


def test_named_net_follows_its_value() -> None:
    m = Module()
    x = Signal(name="x")
    net = named_nets(m)("inverted", ~x)
    assert net.name == "inverted"
    assert len(net) == 1
    seen = []

    async def bench(ctx: object) -> None:
        for value in (0, 1):
            ctx.set(x, value)  # type: ignore[attr-defined]
            seen.append(ctx.get(net))  # type: ignore[attr-defined]

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [1, 0]
