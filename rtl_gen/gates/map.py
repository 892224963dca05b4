"""Yosys' way from a component to cells of a library."""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from amaranth.lib import wiring

from pann_hw.cache import cached
from pann_hw.errors import InputError
from pann_hw.technology.known import GateCell, Technology
from pann_hw.technology.library import Cell, Library
from rtl_gen.gates.netlist import Netlist, read_netlist
from rtl_gen.verilog import to_rtlil
from rtl_gen.yosys import run_yosys

__all__ = ["clock_gate_of", "map_to_gates"]

_GROUP = 3
"""Flip-flops of one enable that are worth a clock gate."""

_ENTRY = "netlist.pickle"

_RIPPLE = Path(__file__).with_name("ripple.v")


def map_to_gates(
    component: wiring.Component,
    name: str,
    library: Library,
    files: Sequence[Path],
    technology: Technology | None = None,
    *,
    clock_gating: bool = True,
    ripple: bool = False,
) -> Netlist:
    """A component as cells of a library, one flat netlist; memories stay macros.

    Modules are mapped one by one, equal ones once, and put together afterwards: cells keep their
    place in the hierarchy. Enables become clock gates where `_GROUP` flip-flops or more share one,
    else multiplexers; synchronous resets become gates. Nothing is sized for speed, and fan-outs are
    what they are: see :func:`rtl_gen.gates.buffer.buffered`. A minute for a core of 32 lanes; the
    result is kept in the cache.

    Parameters
    ----------
    component : its clock is the port ``clk``
    name : of the top module
    library, files : the library, and the Liberty files that it was read from
    technology : whose ``avoided`` cells are not used, besides those that the library's `dont_use`
        excludes, and whose clock gate is; None: the library says it all
    clock_gating : whether to use clock gates
    ripple : adders whose carries ripple, not Yosys' own

    Raises
    ------
    InputError : the technology's clock gate is not in the library, or the library has none
    ToolError : Yosys failed, or is missing
    """
    gate = clock_gate_of(library, technology) if clock_gating else None
    rtlil = to_rtlil(component, name)
    contents = [_content(path) for path in files]
    adders = _RIPPLE.read_text() if ripple else ""
    script = _script(name, _unused(library, technology), gate, len(files), ripple)
    digests = [hashlib.sha256(part).hexdigest() for part in (rtlil.encode(), *contents)]
    if ripple:
        digests.append(hashlib.sha256(adders.encode()).hexdigest())

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            place = Path(work)
            (place / "design.il").write_text(rtlil)
            (place / "ripple.v").write_text(adders)
            for number, content in enumerate(contents):
                (place / f"{number}.lib").write_bytes(content)
            run_yosys(script, place)
            modules = json.loads((place / "netlist.json").read_text())["modules"]
        with (folder / _ENTRY).open("wb") as file:
            pickle.dump(read_netlist(modules[name], name), file, protocol=5)

    entry = cached(["mapped", digests, script, version("pyosys"), _reader()], build)
    with (entry / _ENTRY).open("rb") as file:
        netlist: Netlist = pickle.load(file)
    return netlist


def clock_gate_of(library: Library, technology: Technology | None) -> GateCell:
    """The clock gate to use: the technology's, else the smallest of the library.

    Raises
    ------
    InputError : there is none
    """
    if technology:
        library.cell(technology.clock_gate.cell)
        return technology.clock_gate
    found = [cell for cell in library.cells.values() if cell.clock_gate]
    if not found:
        raise InputError(
            f"{library.name} has no clock gate that is known to be one "
            "(clock_gating_integrated_cell); map without clock gating (--no-clock-gating)"
        )
    smallest = min(found, key=lambda cell: (cell.area, cell.name))
    pins = smallest.clock_gate
    assert pins is not None
    low = (pins.test,) if pins.test else ()
    return GateCell(smallest.name, pins.clock, pins.enable, pins.output, low)


def _content(path: Path) -> bytes:
    # ABC reads no packed files.
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _unused(library: Library, technology: Technology | None) -> list[str]:
    def fits(cell: Cell) -> bool:
        # Latches and clock gates are never taken for logic.
        usable = cell.kind in ("logic", "flip_flop") and cell.usable
        return usable and not (technology and technology.avoids(cell.name))

    return sorted(cell.name for cell in library.cells.values() if not fits(cell))


def _script(
    name: str, unused: Sequence[str], gate: GateCell | None, files: int, ripple: bool
) -> list[str]:
    liberty = " ".join(f"-liberty {number}.lib" for number in range(files))
    excluded = " ".join(f'-dont_use "{cell}"' for cell in unused)
    gating = []
    if gate:
        ports = f"{gate.enable}:{gate.clock}:{gate.output}"
        low = " ".join(f"-tie_lo {pin}" for pin in gate.low)
        gating = [f"clockgate -pos {gate.cell} {ports} {low} -min_net_size {_GROUP}"]
    return [
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
        *(["maccmap", "techmap -map ripple.v"] if ripple else []),
        "techmap",
        "opt -fast -nosdff",
        *gating,
        "dffunmap",
        "simplemap",
        "opt_clean",
        f"dfflibmap {liberty} {excluded}",
        "opt",
        f"abc {liberty} {excluded}",
        "opt_clean -purge",
        "flatten",
        "opt_clean -purge",
        "write_json netlist.json",
    ]


def _reader() -> str:
    # What reads the netlist decides what becomes of it.
    source = Path(__file__).with_name("netlist.py").read_bytes()
    return hashlib.sha256(source).hexdigest()
