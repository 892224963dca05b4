"""Yosys' way from a component to cells of a library."""

from __future__ import annotations

import fnmatch
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from amaranth.lib import wiring

from pann_hw.technology.library import Library
from rtl_gen.gates.netlist import Netlist, read_netlist
from rtl_gen.verilog import to_rtlil
from rtl_gen.yosys import run_yosys

__all__ = ["map_to_gates"]

_GROUP = 3
"""Flip-flops of one enable that are worth a clock gate."""


def map_to_gates(
    component: wiring.Component,
    name: str,
    library: Library,
    files: Sequence[Path],
    *,
    clock_gating: bool = True,
    dont_use: Sequence[str] = (),
) -> Netlist:
    """A component as cells of a library, one flat netlist; memories stay macros.

    Modules are mapped one by one, equal ones once, and put together afterwards: cells keep their place in
    the hierarchy. Enables become clock gates where `_GROUP` flip-flops or more share one, else
    multiplexers; synchronous resets become gates.

    Parameters
    ----------
    component : its clock is the port ``clk``
    name : of the top module
    library, files : the library, and the Liberty files that it was read from
    clock_gating : whether to use clock gates
    dont_use : cells that are not to be used, besides those that the library asks not to; names with
        wildcards

    Raises
    ------
    ToolError : Yosys failed
    """
    avoided = sorted(
        cell.name
        for cell in library.cells.values()
        if cell.kind in ("logic", "flip_flop", "other")
        and (not cell.usable or any(fnmatch.fnmatchcase(cell.name, one) for one in dont_use))
    )
    gates_avoided = sorted(
        cell.name
        for cell in library.cells.values()
        if cell.kind == "clock_gate" and any(fnmatch.fnmatchcase(cell.name, one) for one in dont_use)
    )
    liberty = " ".join(f'-liberty "{path.resolve()}"' for path in files)
    unused = " ".join(f'-dont_use "{cell}"' for cell in avoided)
    gates_unused = " ".join(f'-dont_use "{cell}"' for cell in gates_avoided)
    gating = f"clockgate {liberty} {gates_unused} -min_net_size {_GROUP}"
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "design.il").write_text(to_rtlil(component, name))
        run_yosys(
            [
                "read_rtlil design.il",
                f"hierarchy -top {name}",
                # Synchronous resets stay apart from enables, which clock gates need.
                "proc",
                "opt -full -nosdff",
                "wreduce",
                "peepopt",
                "opt_clean",
                "alumacc",
                "share",
                "opt -full -nosdff",
                "memory -nomap",
                "opt -fast -full -nosdff",
                "techmap",
                "opt -fast -nosdff",
                *([gating] if clock_gating else []),
                "dffunmap",
                "simplemap",
                "opt_clean",
                f"dfflibmap {liberty} {unused}",
                "opt",
                f"abc {liberty} {unused}",
                "opt_clean -purge",
                "flatten",
                "opt_clean -purge",
                "write_json netlist.json",
            ],
            folder,
        )
        modules = json.loads((folder / "netlist.json").read_text())["modules"]
    return read_netlist(modules[name], name)
