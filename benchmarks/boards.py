"""The accelerator of every board: cells, Fmax, and how long a bitstream takes.

Finished boards are kept in a file, and all of them shown. The exit code is 1 where a board is too
slow for its clock, or uses a DSP block.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.arguments import chosen, ended
from benchmarks.document import replace_measured
from boards.board import Board
from boards.catalogue import BOARDS
from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import say
from pann_hw.errors import InputError, MismatchError
from pann_hw.files import whole_file

__all__ = ["main", "markdown"]

PROGRAM = "python -m benchmarks.boards"
_ROOT = Path(__file__).parent.parent
_OPEN = {name: board for name, board in BOARDS.items() if board.family != "vivado"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--boards", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="of place and route; default %(default)s"
    )
    parser.add_argument(
        "--output", type=Path, default=_ROOT / "build" / "boards.json", metavar="FILE",
        help="JSON that finished boards are kept in; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="build finished boards anew")
    parser.add_argument("--document", action="store_true", help="put the table into docs/boards.md")
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: must be at least 1")
    wanted = chosen("--boards", args.boards, _OPEN)
    check_writable(args.output)
    found: dict[str, Any] = json.loads(args.output.read_text()) if args.output.exists() else {}
    for board in wanted:
        if args.fresh or board.name not in found:
            found[board.name] = _build(board, args.seeds)
            args.output.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(args.output) as part:
                part.write_text(json.dumps(found, indent=2) + "\n")
    shown = {name: found[name] for name in _OPEN if name in found}
    if args.document:
        replace_measured(_ROOT / "docs" / "boards.md", markdown(shown))
    if args.json:
        sys.stdout.write(json.dumps({"boards": shown}) + "\n")
    else:
        sys.stdout.write(markdown(shown) + "\n")
    faults = [fault for name, one in shown.items() for fault in _faults(name, one)]
    for fault in faults:
        say(fault)
    return MismatchError.exit_code if faults else 0


def _build(board: Board, seeds: int) -> dict[str, Any]:
    from boards.flow import build

    with tempfile.TemporaryDirectory() as folder:
        built = build(
            board, board.config, Path(folder), seeds, lambda what: say(f"{board.name}: {what}")
        )
        size = built.bitstream.stat().st_size
    values = asdict(built)
    del values["bitstream"]
    return {**values, "bitstream_bytes": size, "parameters": asdict(board.config)}


def _faults(name: str, one: Mapping[str, Any]) -> list[str]:
    found = []
    if one["median"] < one["clock"]:
        found.append(f"{name}: {one['median']:.1f} MHz, its clock has {one['clock']:g}")
    if one["dsps"]["used"]:
        found.append(f"{name}: {one['dsps']['used']} DSP blocks, asked 0")
    return found


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Finished boards as a table in Markdown."""
    lines = [
        (
            "| board | lanes | logic | flip-flops | memory blocks | DSP | Fmax, MHz | clock, MHz | "
            "synthesis, s | place and route, s | CPU seconds |"
        ),
        "|" + "---|" * 11,
    ]
    for name, one in found.items():
        config = one["parameters"]
        seeds = "" if len(one["fmax"]) == 1 else f" (median of {len(one['fmax'])})"
        blocks = ", ".join(_use(use) for use in one["memories"].values())
        lines.append(
            f"| {name} | {config['cores']} x {config['lanes']} | {_use(one['logic'])} | "
            f"{_use(one['flip_flops'])} | {blocks} | {one['dsps']['used']} | "
            f"{one['median']:.1f}{seeds} | {one['clock']:g} | {one['synthesis_seconds']:.0f} | "
            f"{one['place_seconds']:.0f} | {one['cpu_seconds']:.0f} |"
        )
    return "\n".join(lines)


def _use(use: Mapping[str, int]) -> str:
    share = 100 * use["used"] / use["available"]
    return f"{use['used']:,} of {use['available']:,} ({share:.0f} %)"


if __name__ == "__main__":
    sys.exit(main())
