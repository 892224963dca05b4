"""``pann-hw board``: boards, what they have, and the design's bitstream for one of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import say, table
from pann_hw.commands.folder import output_folder
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from boards.board import Board
    from boards.flow import Built

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="left out, all boards are listed")
    parser.add_argument(
        "--build", action="store_true", help="make the bitstream, or the sources for Vivado"
    )
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N",
        help="place and route runs with so many; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--for", dest="networks", type=Path, nargs="+", default=[], metavar="NETWORK",
        help="made by pann-hw quantize: memories that just hold it, or them as operating points",
    )  # fmt: skip
    parser.add_argument(
        "--encoding", metavar="NAME", help="default the first that the lanes can do"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default build/boards/NAME")
    add_config(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """List boards, or say what a board's accelerator needs, or build it."""
    from boards.catalogue import BOARDS, find_board

    if args.name is None:
        return {"boards": [_described(board) for board in BOARDS.values()]}
    board = find_board(args.name)
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: must be at least 1")
    from boards.fits import check_memories

    config = load_config(args, board.config)
    if args.networks:
        config = _fitted(args, config)
    result: dict[str, object] = {
        **_described(board),
        "needed_blocks": check_memories(board, config),
        "parameters": asdict(config),
    }
    if not args.build:
        return result
    folder = args.output or Path("build/boards") / board.name
    check_writable(folder, folder=True)
    with output_folder(folder) as part:
        built = _build(board, config, part, args.seeds)
        config.save(part / "config.json")
    if built is None:
        return {**result, "sources": str(folder)}
    return {**result, **_plain(built, folder)}


def _fitted(args: argparse.Namespace, config: AcceleratorConfig) -> AcceleratorConfig:
    """The configuration with accumulators and memories that hold the networks, each an operating
    point."""
    from pann_hw.integer.store import load
    from pann_hw.machine.sizing import fit_points
    from pann_hw.program.encoding import encoding_names

    encoding = args.encoding or encoding_names(config)[0]
    return fit_points([load(path) for path in args.networks], encoding, config)


def _build(board: Board, config: AcceleratorConfig, folder: Path, seeds: int) -> Built | None:
    """Build; None where there are but sources for Vivado."""
    if board.family == "vivado":
        from boards.sources import write_sources

        write_sources(board, config, folder)
        return None
    from boards.flow import build

    return build(board, config, folder, seeds, lambda what: say(f"{board.name}: {what}"))


def _described(board: Board) -> dict[str, object]:
    return {
        "board": board.name,
        "title": board.title,
        "device": board.device,
        "logic": board.logic,
        "flip_flops": board.flip_flops,
        "memories": {one.cell: one.count for one in board.memories},
        "memory_kbit": sum(one.bits for one in board.memories) // 1024,
        "clock_mhz": board.clock / 1e6,
        "baud": board.uart.baud,
        "open_tools": board.family != "vivado",
    }


def _plain(built: Built, folder: Path) -> dict[str, object]:
    values = asdict(built)
    return {
        **values,
        "fmax": [round(one, 2) for one in built.fmax],
        "meets": built.median >= built.clock,
        "bitstream": str(folder / built.bitstream.name),
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    boards = result.get("boards")
    if isinstance(boards, list):
        headings = ("board", "device", "logic", "flip-flops", "memory kbit", "MHz", "baud", "tools")
        rows = [
            (
                one["board"], one["device"], one["logic"], one["flip_flops"], one["memory_kbit"],
                f"{one['clock_mhz']:g}", one["baud"], "open" if one["open_tools"] else "Vivado",
            )
            for one in boards
        ]  # fmt: skip
        table("Boards", headings, rows)
        return
    parameters = result["parameters"]
    assert isinstance(parameters, dict)
    title = f"{result['title']}, {result['device']}"
    if "fmax" in result:
        table(title, ("", "used", "of", "%"), _uses(result))
        _show_speed(result)
        return
    shown = [(name, value) for name, value in parameters.items() if value is not None]
    table(title, ("parameter", "value"), shown)
    print(f"memory blocks: {result['needed_blocks']} of {_first_memory(result)}")
    if "sources" in result:
        print(f"for Vivado: {result['sources']}, in it: vivado -mode batch -source top.tcl")


def _first_memory(result: dict[str, object]) -> str:
    memories = result["memories"]
    assert isinstance(memories, dict)
    cell, count = next(iter(memories.items()))
    return f"{count} {cell}"


def _uses(result: dict[str, object]) -> list[tuple[object, ...]]:
    memories = result["memories"]
    assert isinstance(memories, dict)
    named = {
        "logic": result["logic"],
        "flip-flops": result["flip_flops"],
        **memories,
        "DSP": result["dsps"],
    }
    rows: list[tuple[object, ...]] = []
    for name, one in named.items():
        assert isinstance(one, dict)
        share = 100 * one["used"] / max(one["available"], 1)
        rows.append((name, one["used"], one["available"], f"{share:.0f}"))
    return rows


def _show_speed(result: dict[str, object]) -> None:
    seeds, median, clock = result["fmax"], result["median"], result["clock"]
    assert isinstance(seeds, list) and isinstance(median, float) and isinstance(clock, float)
    reached = ", ".join(f"{one:.1f}" for one in seeds)
    verdict = "enough for" if result["meets"] else "TOO SLOW for"
    print(f"Fmax:      {median:.1f} MHz, the median of {reached}: {verdict} {clock:g} MHz")
    print(
        f"time:      synthesis {result['synthesis_seconds']:.0f} s, place and route "
        f"{result['place_seconds']:.0f} s a seed; {result['cpu_seconds']:.0f} CPU seconds to a "
        "bitstream"
    )
    print(f"bitstream: {result['bitstream']}")
