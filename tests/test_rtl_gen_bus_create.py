"""Both buses as netlists: ports, lint, no multiplier, no path from an input to an output."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from rtl_gen.accelerator import Accelerator
from rtl_gen.bus.create import BUSES, BusAccelerator, create_bus
from rtl_gen.verilog import multiplier_cells, to_verilog
from rtl_gen.yosys import run_yosys
from sim.build import lint

CONFIG = AcceleratorConfig(
    lanes=8, cores=1, activation_words=64, term_words=64, descriptor_words=64, input_elements=8,
    operand_width=6, rails=2, low_bits=5, window_slots=8,
)  # fmt: skip
"""Elements narrower than the bytes that they come in."""


@cache
def _accelerator(bus: str) -> BusAccelerator:
    return create_bus(bus, CONFIG)


@cache
def _verilog(bus: str) -> str:
    accelerator = _accelerator(bus)
    return to_verilog(accelerator.component, accelerator.top)


def followed_inputs(verilog: str, top: str, folder: Path) -> set[str]:
    """Inputs that an output follows within a cycle: no register or memory is between them."""
    (folder / "design.v").write_text(verilog)
    registers = "$dff,$dffe,$sdff,$sdffe,$sdffce,$mem_v2"
    run_yosys(
        [
            "read_verilog design.v",
            f"hierarchy -check -top {top}",
            "proc",
            "flatten",
            "opt_expr",
            "memory_collect",
            "opt_clean",
            f"select -write followed.txt o:* %ci*:-{registers} i:* %i",
        ],
        folder,
    )
    found = (folder / "followed.txt").read_text().split()
    return {name.removeprefix(f"{top}/") for name in found}


@pytest.mark.parametrize("bus", BUSES)
def test_no_output_follows_an_input_within_a_cycle(bus: str, tmp_path: Path) -> None:
    """AXI asks for it; on Wishbone it keeps paths short."""
    assert followed_inputs(_verilog(bus), _accelerator(bus).top, tmp_path) == set()


def test_outputs_of_the_bare_accelerator_follow_inputs(tmp_path: Path) -> None:
    """The test above can fail."""
    verilog = to_verilog(Accelerator(CONFIG), "bare")
    assert "registers__address" in followed_inputs(verilog, "bare", tmp_path)


@pytest.mark.parametrize("bus", BUSES)
def test_verilator_finds_nothing_to_warn_of(bus: str, tmp_path: Path) -> None:
    (tmp_path / "design.v").write_text(_verilog(bus))
    lint(tmp_path / "design.v", _accelerator(bus).top)


@pytest.mark.parametrize("bus", BUSES)
def test_no_multiplier(bus: str) -> None:
    assert multiplier_cells(_verilog(bus), _accelerator(bus).top) == []


@pytest.mark.parametrize("bus", BUSES)
def test_interfaces_have_all_ports_but_the_interrupt(bus: str) -> None:
    accelerator = _accelerator(bus)
    ports = {port.name for port in accelerator.ports}
    mapped = [port for one in accelerator.interfaces for port in one.ports.values()]
    assert set(mapped) == ports - {accelerator.interrupt}
    common = {accelerator.clock, accelerator.reset}
    assert all(mapped.count(port) == 1 for port in set(mapped) - common)


def test_widths_of_axi() -> None:
    widths = {port.name: port.width for port in _accelerator("axi").ports}
    assert widths["s_axi_awaddr"] == 12
    assert widths["s_axis_program_tdata"] == widths["m_axis_output_tdata"] == 32
    assert widths["s_axis_input_tdata"] == 8 * CONFIG.input_elements
    assert "s_axis_program_tlast" not in widths


@pytest.mark.parametrize(
    ("bus", "depth", "message"),
    [
        ("apb", None, "bus = 'apb': must be one of axi, wishbone"),
        ("axi", 8, "fifo_depth = 8: only for wishbone, AXI has streams"),
        ("wishbone", 3, r"fifo_depth = 3: must be 4\.\.2048"),
        ("wishbone", 2049, r"fifo_depth = 2049: must be 4\.\.2048"),
    ],
)
def test_refuses_what_cannot_be(bus: str, depth: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_bus(bus, CONFIG, depth)
