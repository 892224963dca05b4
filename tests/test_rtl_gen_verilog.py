"""Verilog text: repeatable, shared modules, clean for Verilator; multipliers are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Array, Module, Mux, Signal, signed, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.errors import InputError, ToolError
from rtl_gen.verilog import multiplier_cells, to_verilog
from rtl_gen.yosys import run_yosys
from sim.build import lint


class Stage(wiring.Component):
    """A stream stage with a memory, signed sums, a case statement and a state machine."""

    def __init__(self, init: int) -> None:
        self._init = init
        super().__init__(
            {"i": In(stream.Signature(signed(8))), "o": Out(stream.Signature(signed(10)))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        table = memory.Memory(shape=unsigned(8), depth=16, init=[self._init])
        m.submodules.table = table
        write = table.write_port()
        read = table.read_port(transparent_for=(write,))
        rows = Array(Signal(4, name=f"row_{k}") for k in range(4))
        x = self.i.payload
        m.d.comb += [
            write.addr.eq(x),
            write.data.eq(x),
            write.en.eq(self.i.valid),
            read.addr.eq(x >> 4),
            read.en.eq(1),
            self.i.ready.eq(self.o.ready),
        ]
        m.d.sync += rows[x[:2]].eq(rows[1])
        with m.FSM():
            with m.State("WAIT"):
                with m.If(self.i.valid):
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(rows[2] != 0)
                m.next = "WAIT"
        with m.Switch(x[:2]):
            with m.Case(0):
                m.d.sync += self.o.payload.eq(x.word_select(x[:1], 4) + read.data)
            with m.Case(1):
                m.d.sync += self.o.payload.eq(Mux(self.i.valid, x - (read.data >> 1), 0))
            with m.Case("1-"):
                m.d.sync += self.o.payload.eq(x << x[4:6])
        return m


class Chain(wiring.Component):
    """Stages side by side; the last has another memory content. `multiply` adds a product."""

    def __init__(self, multiply: bool = False) -> None:
        self._multiply = multiply
        super().__init__(
            {
                "i": In(stream.Signature(signed(8))),
                "o": Out(stream.Signature(signed(10))).array(3),
                "square": Out(16),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for k in range(3):
            stage = Stage(init=k // 2)
            m.submodules[f"stage_{k}"] = stage
            m.d.comb += [
                stage.i.payload.eq(self.i.payload),
                stage.i.valid.eq(self.i.valid),
                stage.o.ready.eq(self.o[k].ready),
                self.o[k].payload.eq(stage.o.payload),
                self.o[k].valid.eq(stage.o.valid),
            ]
        m.d.comb += self.i.ready.eq(1)
        if self._multiply:
            m.d.sync += self.square.eq(self.i.payload * self.i.payload)
        return m


def test_equal_components_give_equal_bytes() -> None:
    first = to_verilog(Chain(), "chain")
    to_verilog(Stage(init=7), "between")
    assert to_verilog(Chain(), "chain") == first


def test_text_names_no_folder_and_has_the_licence() -> None:
    text = to_verilog(Chain(), "chain")
    assert str(Path(__file__).parent) not in text
    assert ".py:" not in text
    assert text.startswith("// SPDX-License-Identifier: Apache-2.0\n")


def test_equal_instances_share_a_module() -> None:
    text = to_verilog(Chain(), "chain")
    modules = [line.split()[1].split("(")[0] for line in text.splitlines() if "module " in line[:7]]
    assert modules == ["chain", "chain__stage", "chain__stage_v2"]
    assert [f"chain__stage stage_{k} (" in text for k in range(3)] == [True, True, False]
    assert "chain__stage_v2 stage_2 (" in text


@pytest.mark.parametrize("name", ["square", "i__payload", "clk", "two words", "1st", ""])
def test_names_that_verilator_refuses_are_refused(name: str) -> None:
    ports = wiring.Signature({"i": In(stream.Signature(signed(8))), "square": Out(16)})
    with pytest.raises(InputError):
        to_verilog(ports.create(), name)


def test_verilator_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "chain.v"
    file.write_text(to_verilog(Chain(), "chain"))
    lint(file, "chain")


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ("output [3:0] y, input [7:0] a); assign y = a;", "WIDTHTRUNC"),
        ("output reg y, input a); always @* if (a) y = 1;", "LATCH"),
        ("output y, input a); assign y = a; assign y = !a;", "MULTIDRIVEN"),
        ("output y, input a); wire w; assign y = w & a;", "UNDRIVEN"),
    ],
)
def test_waivers_hide_no_fault(tmp_path: Path, body: str, finding: str) -> None:
    file = tmp_path / "design.v"
    file.write_text(f"module unit({body} endmodule\n")
    with pytest.raises(ToolError, match=finding):
        lint(file, "unit")


def test_no_multiplier_where_there_is_none() -> None:
    assert multiplier_cells(to_verilog(Chain(), "chain"), "chain") == []


def test_multiplier_is_found_as_a_word_and_as_a_dsp_block() -> None:
    found = multiplier_cells(to_verilog(Chain(multiply=True), "chain"), "chain")
    assert [cell.split()[0] for cell in found] == ["$mul", "MULT18X18D"]


@pytest.mark.parametrize("operator", ["*", "/", "%"])
def test_each_operator_is_found(operator: str) -> None:
    text = (
        "module unit(input [7:0] a, input [7:0] b, output [7:0] y);"
        f" assign y = a {operator} b; endmodule"
    )
    assert multiplier_cells(text, "unit")


def test_failed_command_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"missing\.v") as caught:
        run_yosys(["read_verilog missing.v"], tmp_path)
    assert "\n" not in str(caught.value)
