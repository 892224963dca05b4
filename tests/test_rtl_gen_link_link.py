"""The host link as a whole: what it takes of an FPGA. What it does: test_link_driver.py."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from pann_hw.config import AcceleratorConfig
from pann_hw.link.config import LinkConfig
from rtl_gen.link.link import Link
from rtl_gen.verilog import multiplier_cells, to_verilog
from rtl_gen.yosys import run_yosys


def test_it_is_small() -> None:
    """Of an iCE40UP5K's 5280 cells less than a tenth, and two of its memories."""
    verilog = to_verilog(Link(AcceleratorConfig(), LinkConfig()), "host_link")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "design.v").write_text(verilog)
        log = run_yosys(
            ["read_verilog design.v", "synth_ice40 -top host_link", "stat"], Path(folder)
        )
    cells = {name: int(count) for count, name in re.findall(r"(\d+)\s+(SB_\w+)", log[-3000:])}
    assert cells["SB_LUT4"] <= 510
    assert cells["SB_RAM40_4K"] == 2
    assert multiplier_cells(verilog, "host_link") == []
