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
from benchmarks.arguments import add_arguments, at_hand, chosen, ended, positive
from benchmarks.cell import Cell
from benchmarks.cell_processes import measure_cells
from benchmarks.cell_store import Cells, plain
from benchmarks.clock import Clock
from benchmarks.columns import COLUMNS, Column
from benchmarks.networks import NETWORKS, Network
from benchmarks.onnx_agreement import difference, runtime_outputs
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError
from pann_hw.quantise.quality import float_outputs

__all__ = ["LARGEST_DIFFERENCE", "Import", "check_import", "main", "show_row"]

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


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Measure and show the network of that name; exit code 1 where onnxruntime disagrees."""
    network = NETWORKS[name]
    program = f"python -m benchmarks.{name}"
    description = f"{network.title} ({network.source}, {network.licence}): accuracy."
    parser = argparse.ArgumentParser(prog=program, description=description)
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(program, lambda: _run(network, args))


def _run(network: Network, args: argparse.Namespace) -> int:
    columns = chosen("--columns", args.columns, COLUMNS)
    positive(args)
    if not at_hand([network], args.data_folder):
        return 0
    torch.set_num_threads(args.threads)
    imported = check_import(network, args.data_folder)
    cells, refused = measure_cells(
        [network], columns, args.data_folder, args.output,
        jobs=args.jobs, threads=args.threads, fresh=args.fresh,
    )  # fmt: skip
    row = [cell for column in columns if (cell := cells.get((network.name, column.name)))]
    if args.json:
        result = {"network": network.name, "import": asdict(imported), "cells": plain(row)}
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        _show_import(network, imported, row)
        show_row(cells, network, columns)
    for line in refused:
        say(f"refused: {line}")
    if imported.difference is not None and not imported.difference <= LARGEST_DIFFERENCE:
        return MismatchError.exit_code
    return InputError.exit_code if refused else 0


def show_row(cells: Cells, network: Network, columns: Sequence[Column]) -> None:
    """Print the network's row of each table."""
    for each in (
        *accuracy_tables(cells, [network], columns),
        *cost_tables(cells, [network], columns),
    ):
        table(each.title, each.headings, each.rows)


def _show_import(network: Network, imported: Import, row: Sequence[Cell]) -> None:
    found = imported.difference
    samples = f"{row[0].calibrated} calibrate, {row[0].tested} test" if row else "-"
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
            ("samples", samples),
        ],
    )
