"""Accuracy against the terms of PANN and the bits of multipliers, each network kept for gates."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.arguments import at_hand, chosen, ended
from benchmarks.datasets import DATA
from benchmarks.frontier_columns import FRONTIER
from benchmarks.frontier_run import Point, measure, quantised, samples
from benchmarks.networks import NETWORKS
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError

__all__ = ["main"]

PROGRAM = "python -m benchmarks.frontier"
KEPT = Path(__file__).parent.parent / "build" / "frontier"

_HEADINGS = (
    "column", "accuracy %", "agree %", "KL", "held KL", "terms", "zero %", "bx", "flips",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Make what is not there yet, then measure and show everything."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument("--network", default="resnet8", metavar="NAME", help="default %(default)s")
    parser.add_argument("--columns", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--output", type=Path, default=KEPT, metavar="FOLDER",
        help="where integer networks are kept, in a folder for each float network; default "
        "%(default)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    trains = {name: network for name, network in NETWORKS.items() if network.trains}
    if args.network not in trains:
        raise InputError(f"--network {args.network}: must be one of {', '.join(trains)}")
    network = trains[args.network]
    columns = chosen("--columns", args.columns, FRONTIER)
    if not at_hand([network], args.data_folder):
        return 0
    data = samples(network, args.data_folder)
    points = []
    for column in columns:
        say(f"{network.title}, {column.label}")
        kept = args.output / network.name
        made = quantised(network, column, args.data_folder, kept, data)
        points.append(measure(made, column, data))
    scored = float((data.wanted.argmax(1) == data.test.y).mean())
    if args.json:
        found = {"network": network.name, "float": scored, "points": [p.plain() for p in points]}
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        title = f"{network.title}, float {100 * scored:.2f} %, {len(data.test)} test images"
        table(title, _HEADINGS, [_row(FRONTIER[one.column].label, one) for one in points])
    return 0


def _row(label: str, point: Point) -> tuple[str, ...]:
    assert point.quality.accuracy is not None
    return (
        label,
        f"{100 * point.quality.accuracy:.2f}",
        f"{100 * point.quality.agreement:.2f}",
        f"{point.divergence:.4f}",
        f"{point.held_divergence:.4f}",
        f"{point.terms:.3f}",
        f"{100 * point.zeros:.1f}",
        f"{point.bits:.2f}",
        f"{point.flips_per_mac:.2f}",
    )


if __name__ == "__main__":
    sys.exit(main())
