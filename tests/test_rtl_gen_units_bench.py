"""The design that holds units side by side: places of their ports, instances, names of nets."""

from __future__ import annotations

import re

import numpy as np

from pann_hw.power.accumulator import Accumulator
from pann_hw.power.mac import Mac
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.unit import Unit
from rtl_gen.units.bench import Place, UnitBench
from rtl_gen.verilog import to_verilog

MULTIPLIER, ACCUMULATOR = Multiplier("array", 3, 8), Accumulator(9, 17, True)
UNITS: list[Unit] = [MULTIPLIER, ACCUMULATOR, Mac("booth", 2, 2, 8), Mac("booth", 2, 2, 9)]


def test_every_port_begins_at_a_byte() -> None:
    bench = UnitBench(UNITS[:2])
    to_verilog(bench, "bench")
    assert bench.ports == {
        MULTIPLIER.name: {"x": Place(0, 3, False), "w": Place(8, 8, False)},
        ACCUMULATOR.name: {
            "addend": Place(16, 9, False),
            "load": Place(32, 1, False),
            "enable": Place(40, 1, False),
        },
    }
    assert bench.results == {
        MULTIPLIER.name: {"product": Place(0, 11, False)},
        ACCUMULATOR.name: {"value": Place(16, 17, True)},
    }
    assert (len(bench.stimulus), len(bench.outputs)) == (48, 40)


def test_every_net_keeps_its_name_and_width_below_its_unit() -> None:
    verilog = to_verilog(UnitBench(UNITS), "bench")
    modules = {
        module: {
            name: int(high or 0) + 1
            for high, name in re.findall(
                r"^  (?:wire|reg)(?: signed)? (?:\[(\d+):0\] )?(\w+)(?: = .*)?;$",
                body,
                re.MULTILINE,
            )
        }
        for module, body in re.findall(
            r"^module (\w+)\(.*?;\n(.*?)^endmodule", verilog, re.MULTILINE | re.DOTALL
        )
    }
    for unit in UNITS:
        instance = re.search(rf"^  (\w+) {unit.name} \($", verilog, re.MULTILINE)
        assert instance, unit.name
        trace = unit.trace({port: np.zeros(2, np.int64) for port in unit.ports})
        for net, (_, width, _) in trace.items():
            assert modules[instance[1]].get(net) == width, f"{unit.name}.{net}"
