"""One network's row of the table of accuracies, and how its import fares."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.accuracy_tables import accuracy_tables, cost_tables
from benchmarks.arguments import add_arguments, at_hand, check, chosen, ended
from benchmarks.cell_processes import measure_cells
from benchmarks.cell_store import Cells, plain
from benchmarks.clock import Clock
from benchmarks.columns import COLUMNS, Column
from benchmarks.networks import NETWORKS, Network
from benchmarks.onnx_agreement import difference, runtime_outputs
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError
from pann_hw.quantise.quality import float_outputs

__all__ = ["LARGEST_DIFFERENCE", "Import", "Row", "check_import", "main", "measure_row", "show_row"]

LARGEST_DIFFERENCE = 1e-4
"""From onnxruntime, as a part of the largest output."""


@dataclass(frozen=True)
class Import:
    """What importing a network takes, and how it agrees with onnxruntime.

    Attributes
    ----------
    seconds : libraries loaded
    peak_megabytes : of the process
    samples : that outputs are compared on, those of the test
    difference : largest one over the largest output; None without onnxruntime
    """

    seconds: float
    peak_megabytes: int
    samples: int
    difference: float | None


@dataclass(frozen=True)
class Row:
    """A network's cells, and its import.

    Attributes
    ----------
    columns : that were asked for
    cells : of all networks that are kept together
    refused : why cells are missing, in lines
    """

    network: Network
    columns: Sequence[Column]
    imported: Import
    cells: Cells
    refused: Sequence[str]

    @property
    def exit_code(self) -> int:
        """0; 1 where onnxruntime disagrees; 2 where a cell was refused."""
        found = self.imported.difference
        if found is not None and not found <= LARGEST_DIFFERENCE:
            return MismatchError.exit_code
        return InputError.exit_code if self.refused else 0

    def plain(self) -> dict[str, object]:
        """The row as plain values: ``network``, ``import``, ``cells``, ``refused``."""
        names = [(self.network.name, column.name) for column in self.columns]
        found = [self.cells[name] for name in names if name in self.cells]
        return {
            "network": self.network.name,
            "import": asdict(self.imported),
            "cells": plain(found),
            "refused": list(self.refused),
        }


def check_import(network: Network, folder: Path) -> Import:
    """Import, and compare the outputs for all test samples.

    Raises
    ------
    InputError : as import_onnx()
    """
    clock = Clock()
    graph = clock(f"{network.title}: import", network.graph, folder)
    x = network.test(folder).x
    try:
        wanted = runtime_outputs(folder / network.file, x)
    except ImportError:
        found = None
    else:
        found = difference(float_outputs(graph, x), wanted)
    (step,) = clock.steps
    return Import(step.seconds, step.peak_megabytes, len(x), found)


def measure_row(network: Network, args: argparse.Namespace) -> Row:
    """The row that arguments of :func:`benchmarks.arguments.add_arguments` ask for.

    Raises
    ------
    InputError : an argument that is not allowed, or as check_import() and measure_cells()
    ToolError : as measure_cells()
    """
    columns = chosen("--columns", args.columns, COLUMNS)
    torch.set_num_threads(args.threads)
    imported = check_import(network, args.data_folder)
    cells, refused = measure_cells(
        [network], columns, args.data_folder, args.output,
        jobs=args.jobs, threads=args.threads, fresh=args.fresh,
    )  # fmt: skip
    return Row(network, columns, imported, cells, refused)


def show_row(row: Row) -> None:
    """Print what the import took, and the network's row of each table."""
    network, imported, found = row.network, row.imported, row.imported.difference
    table(
        f"{network.title}: {network.file}, {network.source}, {network.licence}",
        ("import", "value"),
        [
            ("seconds, libraries loaded", f"{imported.seconds:.2f}"),
            ("peak MB", imported.peak_megabytes),
            (
                f"largest difference from onnxruntime on {imported.samples} samples, relative",
                "not installed" if found is None else f"{found:.1e}",
            ),
            ("published float accuracy %", "-" if network.accuracy is None else network.accuracy),
        ],
    )
    parts = (row.cells, [network], row.columns)
    for each in (*accuracy_tables(*parts), *cost_tables(*parts)):
        table(each.title, each.headings, each.rows)


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Measure and show the network of that name; exit code 1 where onnxruntime disagrees."""
    network = NETWORKS[name]
    program = f"python -m benchmarks.{name}"
    description = f"{network.title} ({network.source}, {network.licence}): accuracy."
    parser = argparse.ArgumentParser(prog=program, description=description)
    add_arguments(parser)
    args = parser.parse_args(argv)
    return ended(program, lambda: _run(network, args))


def _run(network: Network, args: argparse.Namespace) -> int:
    check(args)
    if not at_hand([network], args.data_folder):
        return 0
    row = measure_row(network, args)
    if args.json:
        sys.stdout.write(json.dumps(row.plain()) + "\n")
    else:
        show_row(row)
    for line in row.refused:
        say(f"refused: {line}")
    return row.exit_code
