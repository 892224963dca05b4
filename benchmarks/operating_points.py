"""ResNet-8 at five operating points, 8 bits down to the 2-bit budget, on one netlist.

All programs are loaded at once; a register write selects the point of each image. Flips are counted
in Verilator: the exit code is 1 where they do not fall from each point to the next, or where
outputs, cycles or flips are not those predicted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy_tables import Table, markdown
from benchmarks.arguments import at_hand, ended
from benchmarks.datasets import DATA
from benchmarks.document import replace_measured
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError

if TYPE_CHECKING:
    from benchmarks.operating_points_run import Result

__all__ = ["main", "tables"]

PROGRAM = "python -m benchmarks.operating_points"
DOCUMENT = Path(__file__).parent.parent / "docs" / "operating_points.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument(
        "--images", type=int, default=8, metavar="N",
        help="simulated at each point; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--document", type=Path, nargs="?", const=DOCUMENT, metavar="FILE",
        help="put the tables between the two comments of a document, and the plot beside it; "
        "without FILE %(const)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    # Threads that wait by spinning slow small layers down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.networks import NETWORKS
    from benchmarks.operating_points_run import measure

    if args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")
    networks = at_hand([NETWORKS["resnet8"]], args.data_folder)
    if not networks:
        return 0
    result = measure(networks[0], args.data_folder, args.images)
    if args.json:
        sys.stdout.write(json.dumps(result.plain()) + "\n")
    else:
        for each in tables(result):
            table(each.title, each.headings, each.rows)
    if args.document is not None:
        _document(result, args.document)
    for fault in result.faults:
        say(fault)
    return MismatchError.exit_code if result.faults else 0


def tables(result: Result) -> list[Table]:
    """What each point reaches, what an inference takes, and where its flips are."""
    points, config = result.points, result.config
    first = points[0].flips.mean()
    classes = list(points[0].flips_counted)
    reached = Table(
        f"{result.network}: accuracy and agreement of the integer network over "
        f"{result.test_images} test images; float accuracy {100 * result.float_accuracy:.2f} %",
        ("budget", "bx", "R", "flips/MAC", "accuracy %", "agreement %", "simulated, right"),
        [
            (
                point.budget,
                f"{point.bits:.2f}",
                f"{point.additions:.2f}",
                f"{point.flips_per_mac:.2f}",
                f"{100 * (point.quality.accuracy or 0):.2f}",
                f"{100 * point.quality.agreement:.2f}",
                f"{point.right} of {result.images}",
            )
            for point in points
        ],
    )
    taken = Table(
        f"An inference on {config.cores} cores of {config.lanes} lanes, {config.terms} terms a "
        f"cycle; means of {result.images} images at each point, one simulation",
        ("budget", "cycles predicted", "counted", "flips predicted", "counted", "% of the first"),
        [
            (
                point.budget,
                f"{_mean(point.cycles_predicted):.0f}",
                f"{_mean(point.cycles_counted):.0f}",
                f"{sum(map(_mean, point.flips_predicted.values())):.0f}",
                f"{point.flips.mean():.0f}",
                f"{100 * point.flips.mean() / first:.1f}",
            )
            for point in points
        ],
    )
    classed = Table(
        "Counted flips per inference by class",
        ("class", *(point.budget for point in points)),
        [
            (name, *(f"{_mean(point.flips_counted[name]):.0f}" for point in points))
            for name in classes
        ],
    )
    return [reached, taken, classed]


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _document(result: Result, path: Path) -> None:
    """Write tables and plot."""
    from benchmarks.operating_points_plot import save_plot

    plot = path.with_suffix(".svg")
    replace_measured(path, markdown(tables(result)))
    save_plot(result, plot)
    say(f"{path} and {plot}: written")


if __name__ == "__main__":
    sys.exit(main())
