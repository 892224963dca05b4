"""The whole path on ResNet-20 and CIFAR-10: accuracy, cycles, utilisation, flips, time, memory."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.arguments import add_arguments, check, ended
from benchmarks.datasets import missing
from pann_hw.commands.console import say, table
from pann_hw.commands.power import flip_rows
from pann_hw.errors import InputError, MismatchError

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.resnet20"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit code 1 where a level, or onnxruntime, disagrees."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    add_arguments(parser)
    parser.add_argument("--images", type=int, default=2, help="simulated; default %(default)s")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    # Threads that wait by spinning slow small layers down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.accuracy_row import measure_row, show_row
    from benchmarks.networks import NETWORKS
    from benchmarks.resnet20_network import WEIGHTS
    from benchmarks.resnet20_run import run

    check(args)
    if args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")
    network = NETWORKS["resnet20"]
    lacking = missing(args.data_folder, (*network.files, WEIGHTS))
    if lacking:
        say(f"skipped: {args.data_folder} lacks {' and '.join(lacking)}")
        return 0
    row = measure_row(network, args)
    result = run(args.data_folder, args.images)
    if args.json:
        sys.stdout.write(json.dumps({**result, "accuracy": row.plain()}) + "\n")
    else:
        show_row(row)
        show(result)
    for line in row.refused:
        say(f"refused: {line}")
    return MismatchError.exit_code if result["mismatches"] else row.exit_code


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    from pann_hw.report.utilisation import HEADINGS, LayerUse, use_rows

    points, images = result["points"], result["simulated_images"]
    names = [f"{point['budget']} {point['encoding']}" for point in points]
    table(
        f"ResNet-20, {result['test_images']} test images, {result['macs']} MACs; float accuracy "
        f"{100 * result['float_accuracy']:.2f} %; {images} images simulated",
        ("point", "bx", "R", "flips/MAC", "accuracy %", "agreement %", "cycles", "mismatches"),
        [
            (
                name,
                point["bx"],
                f"{point['R']:.2f}",
                f"{point['flips_per_mac']:.2f}",
                f"{100 * point['accuracy']:.2f}",
                f"{100 * point['agreement']:.2f}",
                _cycles(point),
                f"{point['mismatches']} of {point['compared']}",
            )
            for name, point in zip(names, points, strict=True)
        ],
    )
    for name, point in zip(names, points, strict=True):
        uses = [LayerUse(**layer) for layer in point["layers"]]
        table(
            f"{name}: cycles, and what becomes of the adders' slots, in %",
            HEADINGS,
            use_rows(uses),
        )
        table(
            f"{name}: flips per image",
            ("class", "predicted", "counted", "error"),
            flip_rows(point["toggles"], images),
        )
    table("Accelerator", ("parameter", "value"), list(result["parameters"].items()))
    table(
        "Steps",
        ("step", "seconds", "CPU seconds", "peak MB"),
        [
            (s["name"], f"{s['seconds']:.1f}", f"{s['cpu_seconds']:.1f}", s["peak_megabytes"])
            for s in result["steps"]
        ],
    )


def _cycles(point: dict[str, Any]) -> str:
    counted, predicted = set(point["cycles_counted"]), point["cycles_predicted"]
    return f"{predicted}" if counted == {predicted} else f"{predicted}, counted {max(counted)}"


if __name__ == "__main__":
    sys.exit(main())
