"""Sources from every board's platform."""

from dataclasses import replace
from pathlib import Path

import pytest

from boards.board import Board
from boards.catalogue import BOARDS
from boards.sources import write_sources
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import ToolError

CONFIG = AcceleratorConfig(
    layer_kinds="linear", lanes=4, cores=1, operand_width=2, accumulator_width=12, low_bits=4,
    banks=1, window_slots=4, activation_words=16, term_words=16, descriptor_words=64,
    weight_words=16, weight_width=2,
)  # fmt: skip

PINS = {
    "icebreaker": ("top.pcf", ["set_io uart_0__rx__io 6", "set_io led_g_0__io 37"]),
    "ulx3s-85f": (
        "top.lpf",
        ['LOCATE COMP "uart_0__rx__io" SITE "M1"', 'FREQUENCY PORT "clk25_0__io" 26000000 HZ'],
    ),
    "orangecrab": (
        "top.lpf",
        ['LOCATE COMP "uart_0__rx__io" SITE "N17"', 'FREQUENCY PORT "clk_0__io" 48000000 HZ'],
    ),
    "tang-nano-9k": ("top.cst", ['IO_LOC "uart_0__rx__io" 18']),
    "arty-a7-35t": ("top.xdc", ['set_property LOC A9 [get_ports "uart_0__rx__io"]']),
}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_pins(board: Board, tmp_path: Path) -> None:
    write_sources(board, CONFIG, tmp_path)
    name, lines = PINS[board.name]
    constraints = (tmp_path / name).read_text()
    for line in lines:
        assert line in constraints, constraints


def test_vivado_gets_verilog_and_a_script(tmp_path: Path) -> None:
    write_sources(BOARDS["arty-a7-35t"], CONFIG, tmp_path)
    verilog = (tmp_path / "top.v").read_text()
    assert "module top(" in verilog and "MMCME2_BASE" in verilog
    assert "top.v" in (tmp_path / "top.tcl").read_text()


def test_no_logic_around_memories(tmp_path: Path) -> None:
    write_sources(BOARDS["icebreaker"], CONFIG, tmp_path)
    rtlil = (tmp_path / "top.il").read_text()
    assert "COLLISION_X_MASK" in rtlil
    assert "COLLISION_X_MASK 1'0" not in rtlil


def test_no_platform(tmp_path: Path) -> None:
    board = replace(BOARDS["icebreaker"], platform="no_such_boards.one:Platform")
    with pytest.raises(ToolError, match=r"^amaranth-boards is missing: pip install 'pann-hw\[bo"):
        write_sources(board, CONFIG, tmp_path)
