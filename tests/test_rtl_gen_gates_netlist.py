"""Netlists from Yosys' JSON, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pann_hw.errors import ToolError
from rtl_gen.gates.netlist import ONE, ZERO, read_netlist


def _module(**cells: dict[str, Any]) -> dict[str, Any]:
    return {
        "ports": {
            "clk": {"direction": "input", "bits": [7]},
            "a": {"direction": "input", "bits": [2, 3]},
            "y": {"direction": "output", "bits": [4, "1"]},
        },
        "cells": cells,
        "netnames": {
            "a": {"hide_name": 0, "bits": [2, 3]},
            "part.sum": {"hide_name": 0, "bits": [4]},
            "$9": {"hide_name": 1, "bits": [5]},
        },
    }


def _memory(**changes: str) -> dict[str, Any]:
    parameters = {
        "WIDTH": "10",
        "SIZE": "100",
        "ABITS": "1",
        "RD_PORTS": "1",
        "WR_PORTS": "1",
        "RD_CLK_ENABLE": "1",
        "WR_CLK_ENABLE": "1",
        "RD_TRANSPARENCY_MASK": "0",
    }
    return {
        "type": "$mem_v2",
        "parameters": {**parameters, **changes},
        "connections": {
            "RD_EN": ["1"],
            "RD_ADDR": [2],
            "RD_DATA": [10, 11],
            "WR_EN": [3, 3],
            "WR_ADDR": [2],
            "WR_DATA": [4, "0"],
        },
    }


def test_ports_instances_and_names() -> None:
    label = "$flatten\\array.\\core_0.$abc$7$auto$12"
    cell = {"type": "NAND2", "connections": {"A": [2], "B": ["x"], "Y": [4], "Z": []}}
    netlist = read_netlist(_module(**{label: cell, "$abc$1": cell}), "top")
    assert netlist.name == "top"
    clock, low, high, out = 2, 3, 4, 5
    assert netlist.clock == clock
    assert netlist.inputs == {"clk": (clock,), "a": (low, high)}
    assert netlist.outputs == {"y": (out, ONE)}
    first, second = netlist.instances
    assert first.cell == "NAND2"
    assert (first.path, second.path) == ("array.core_0", "")
    assert first.pins == {"A": low, "B": ZERO, "Y": out}
    assert netlist.names == {low: "a[0]", high: "a[1]", out: "part.sum"}
    assert netlist.nets == 6


def test_memories() -> None:
    (memory,) = read_netlist(_module(**{"store.words": _memory()}), "top").memories
    assert (memory.name, memory.words, memory.width) == ("store.words", 4, 2)
    (read,), (write,) = memory.reads, memory.writes
    assert (read.enable, read.address, len(set(read.data))) == (ONE, (3,), 2)
    assert (write.enable, write.address, write.data) == ((4, 4), (3,), (5, ZERO))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"type": "$mux", "connections": {}}, r"\$mux odd is not mapped to a cell"),
        (_memory(RD_CLK_ENABLE="0"), "memory odd has a port without a clock: RD_CLK_ENABLE"),
        (_memory(WR_CLK_ENABLE="0"), "memory odd has a port without a clock: WR_CLK_ENABLE"),
        (_memory(RD_TRANSPARENCY_MASK="1"), "memory odd reads what is being written"),
    ],
)
def test_what_no_netlist_has(cell: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        read_netlist(_module(odd=cell), "top")
