"""The table of accuracies: every network of the data folder, quantised in every way."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy_tables import accuracy_tables, cost_tables, markdown
from benchmarks.arguments import add_arguments, at_hand, check, chosen, ended
from benchmarks.cell import applies
from benchmarks.cell_processes import measure_cells
from benchmarks.cell_store import Cells, load_cells, plain
from benchmarks.columns import COLUMNS
from benchmarks.document import replace_measured
from benchmarks.networks import NETWORKS
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError

__all__ = ["main"]

PROGRAM = "python -m benchmarks.accuracy"
DOCUMENT = Path(__file__).parent.parent / "docs" / "accuracy.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is not measured yet, then show everything and put it into the document."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--networks", metavar="NAMES", help="separated by commas; default all")
    add_arguments(parser)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument(
        "--markdown", action="store_true", help="print Markdown and leave the document alone"
    )
    parser.add_argument(
        "--document", type=Path, default=DOCUMENT, metavar="FILE",
        help="where the whole table goes; default %(default)s",
    )  # fmt: skip
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    networks = chosen("--networks", args.networks, NETWORKS)
    columns = chosen("--columns", args.columns, COLUMNS)
    check(args)
    refused: list[str] = []
    if args.table:
        cells = load_cells(args.output)
    else:
        networks = at_hand(networks, args.data_folder)
        if not networks:
            return 0
        cells, refused = measure_cells(
            networks, columns, args.data_folder, args.output,
            jobs=args.jobs, threads=args.threads, fresh=args.fresh,
        )  # fmt: skip
    tables = [*accuracy_tables(cells, networks, columns), *cost_tables(cells, networks, columns)]
    if args.json:
        shown = [
            cells[pair] for n in networks for c in columns if (pair := (n.name, c.name)) in cells
        ]
        sys.stdout.write(json.dumps({"cells": plain(shown), "refused": refused}) + "\n")
    elif args.markdown:
        sys.stdout.write(markdown(tables))
    else:
        for each in tables:
            table(each.title, each.headings, each.rows)
        _document(cells, args.document)
    for line in refused:
        say(f"refused: {line}")
    return InputError.exit_code if refused else 0


def _document(cells: Cells, path: Path) -> None:
    """Only whole tables: part of one would look like all that there is."""
    networks, columns = list(NETWORKS.values()), list(COLUMNS.values())
    wanted = [(n.name, c.name) for n in networks for c in columns if applies(n, c)]
    lacking = [pair for pair in wanted if pair not in cells]
    if lacking:
        say(f"{path}: left alone, {len(lacking)} of {len(wanted)} cells missing")
        return
    tables = [*accuracy_tables(cells, networks, columns), *cost_tables(cells, networks, columns)]
    replace_measured(path, markdown(tables))
    say(f"{path}: written")


if __name__ == "__main__":
    sys.exit(main())
