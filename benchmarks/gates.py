"""A core of 32 lanes in gates of SKY130, SG13G2 and ASAP7: what mapping and simulating take.

The exit code is 1 where an output differs from the integer network's, or where more time or memory
is taken than is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arguments import chosen, ended
from benchmarks.datasets import DATA
from benchmarks.libraries import FOLDERS
from pann_hw.commands.console import say, table
from pann_hw.errors import MismatchError
from pann_hw.technology.known import TECHNOLOGIES

if TYPE_CHECKING:
    from benchmarks.gates_run import Case

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.gates"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--tech", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--pdk-folder", type=Path, default=DATA.parent / "pdk", metavar="FOLDER",
        help="folders of Liberty files; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    from benchmarks.clock import Clock
    from benchmarks.gates_run import measure

    clock = Clock()
    cases = []
    for known in chosen("--tech", args.tech, TECHNOLOGIES):
        folder = args.pdk_folder / FOLDERS[known.name]
        files = sorted(folder.glob("*.lib*"))
        if files:
            cases.append(measure(known, files, clock))
        else:
            say(f"{known.name}: skipped, no Liberty files in {folder}")
    if args.json:
        sys.stdout.write(json.dumps({"cases": [case.plain() for case in cases]}) + "\n")
    elif cases:
        show(cases)
    faults = [f"{case.technology}: {one}" for case in cases for one in case.faults]
    for fault in faults:
        say(fault)
    return MismatchError.exit_code if faults else 0


def show(cases: Sequence[Case]) -> None:
    """Print the result as a table."""
    from benchmarks.gates_run import CYCLES, MOST_MEGABYTES, MOST_SECONDS

    table(
        f"One core of 32 lanes with all around it; asked: mapping, and the energy of {CYCLES} "
        f"cycles without glitches, each below {MOST_SECONDS} s; memory below {MOST_MEGABYTES} MB",
        ("library", "cells", "area um2", "mapping s", f"{CYCLES} cycles s", "MB", "mismatches"),
        [
            (
                case.technology,
                case.cells,
                f"{case.area:.0f}",
                f"{case.mapping:.0f}",
                f"{case.energy_seconds:.0f}",
                case.megabytes,
                case.mismatches,
            )
            for case in cases
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
