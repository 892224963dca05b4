"""The top level of all boards."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.design import Design
from pann_hw.config import AcceleratorConfig
from pann_hw.link.config import LinkConfig
from rtl_gen.verilog import to_verilog
from sim.build import lint
from tests.board_cases import BOARD, REGISTERED


@pytest.mark.parametrize("config", [BOARD, REGISTERED], ids=["plain", "registered"])
def test_lint_finds_nothing(config: AcceleratorConfig, tmp_path: Path) -> None:
    verilog = to_verilog(Design(config, LinkConfig()), "board")
    (tmp_path / "board.v").write_text(verilog)
    lint(tmp_path / "board.v", "board")
