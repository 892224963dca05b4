"""The top level of all boards."""

from __future__ import annotations

from pathlib import Path

from boards.design import Design
from pann_hw.link.config import LinkConfig
from rtl_gen.verilog import to_verilog
from sim.build import lint
from tests.board_cases import BOARD


def test_lint_finds_nothing(tmp_path: Path) -> None:
    verilog = to_verilog(Design(BOARD, LinkConfig()), "board")
    (tmp_path / "board.v").write_text(verilog)
    lint(tmp_path / "board.v", "board")
