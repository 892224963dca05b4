"""Energy per inference of ResNet-8 on one core of 32 lanes: the method against conventional arrays.

All are accelerators of the same generator with the same control, memories and requantiser, in gates
of SKY130, SG13G2 and ASAP7, glitches and clock included; every network is quantised after training
by the same recipe. The exit code is 1 where an output differs from the integer network's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arguments import at_hand, chosen, ended
from benchmarks.core_energy_designs import CLAIMS, DESIGNS
from benchmarks.datasets import DATA
from benchmarks.document import replace_measured
from benchmarks.libraries import FOLDERS
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError
from pann_hw.technology.known import TECHNOLOGIES

if TYPE_CHECKING:
    from benchmarks.core_energy_run import Cell

__all__ = ["main"]

PROGRAM = "python -m benchmarks.core_energy"
_ROOT = Path(__file__).parent.parent
KEPT = _ROOT / "build" / "core_energy"
DOCUMENT = _ROOT / "docs" / "core_energy.md"

_CLOCK = 20e6
_HEADINGS = (
    "design", "cycles", "lanes", "select", "terms", "windows", "core", "all cells", "+-",
    "memories", "lane um2",
)  # fmt: skip
_CLAIM_HEADINGS = ("technology", "against", "asked", "measured", "all cells", "lanes alone")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument(
        "--pdk-folder", type=Path, default=DATA.parent / "pdk", metavar="FOLDER",
        help="folders of Liberty files; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--tech", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument("--designs", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--windows", type=int, default=8, metavar="K",
        help="windows of 60 cycles that are simulated with delays; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=KEPT, metavar="FOLDER",
        help="where finished cells are kept; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--document", action="store_true", help=f"write {DOCUMENT.name}")
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    import torch

    from benchmarks.core_energy_run import measured
    from benchmarks.frontier import KEPT as NETWORK_FOLDER
    from benchmarks.frontier_columns import FRONTIER
    from benchmarks.frontier_run import quantised, samples
    from benchmarks.networks import NETWORKS

    if args.windows < 2:
        raise InputError(f"--windows {args.windows}: must be at least 2")
    torch.set_num_threads(1)
    designs = chosen("--designs", args.designs, DESIGNS)
    technologies = []
    for known in chosen("--tech", args.tech, TECHNOLOGIES):
        files = sorted((args.pdk_folder / FOLDERS[known.name]).glob("*.lib*"))
        if files:
            technologies.append((known, files))
        else:
            say(f"{known.name}: skipped, no Liberty files in {args.pdk_folder}")
    network = NETWORKS["resnet8"]
    if not at_hand([network], args.data_folder) or not technologies:
        return 0
    data = samples(network, args.data_folder)
    cells = []
    for design in designs:
        column = FRONTIER[design.column]
        made = quantised(network, column, args.data_folder, NETWORK_FOLDER / network.name, data)
        for known, files in technologies:
            say(f"{design.title}, {known.name}")
            cells.append(
                measured(
                    design,
                    made,
                    known,
                    files,
                    data.test.first(1),
                    args.output,
                    clock=_CLOCK,
                    windows=args.windows,
                )
            )
    if args.json:
        sys.stdout.write(json.dumps({"cells": [asdict(cell) for cell in cells]}) + "\n")
    else:
        _show(cells)
    if args.document:
        replace_measured(DOCUMENT, "\n\n".join(_tables(cells)))
    wrong = [cell for cell in cells if cell.mismatches]
    for cell in wrong:
        say(f"{cell.design}, {cell.technology}: {cell.mismatches} outputs differ")
    return MismatchError.exit_code if wrong else 0


def _of(cells: Sequence[Cell], technology: str) -> dict[str, Cell]:
    return {cell.design: cell for cell in cells if cell.technology == technology}


def _rows(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    from benchmarks.core_energy_run import CORE

    return [
        (
            DESIGNS[cell.design].title,
            f"{cell.cycles:.0f}",
            *(f"{cell.energy[name]:.2f}" for name in CORE),
            f"{cell.core:.2f}",
            f"{cell.total:.2f}",
            f"{cell.deviation:.2f}",
            "-" if cell.memories is None else f"{cell.memories:.2f}",
            f"{cell.area['lanes'] / 32:.4g}",
        )
        for cell in cells
    ]


def _claims(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for technology in dict.fromkeys(cell.technology for cell in cells):
        found = _of(cells, technology)
        ours = found.get("pann")
        for claim in CLAIMS:
            other = found.get(claim.other)
            if not ours or not other:
                continue
            area = other.area["lanes"] / ours.area["lanes"]
            rows.append(
                (
                    technology,
                    DESIGNS[claim.other].title + (", area of the lanes" if claim.area else ""),
                    f"{claim.asked:g}",
                    f"{area if claim.area else other.core / ours.core:.2f}",
                    "-" if claim.area else f"{other.total / ours.total:.2f}",
                    "-" if claim.area else f"{other.energy['lanes'] / ours.energy['lanes']:.2f}",
                )
            )
    return rows


def _titled(cells: Sequence[Cell]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    for technology in dict.fromkeys(cell.technology for cell in cells):
        yield (
            f"{TECHNOLOGIES[technology].title}: uJ per inference of ResNet-8",
            _HEADINGS,
            _rows(list(_of(cells, technology).values())),
        )
    yield "Times less than others: the core, all cells, the lanes", _CLAIM_HEADINGS, _claims(cells)


def _show(cells: Sequence[Cell]) -> None:
    for title, headings, rows in _titled(cells):
        table(title, headings, rows)


def _tables(cells: Sequence[Cell]) -> Iterator[str]:
    for title, headings, rows in _titled(cells):
        lines = [headings, ("---", *["---:"] * (len(headings) - 1)), *rows]
        yield title
        yield "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
