"""``pann-hw simulate``: run a program on the accelerator in Verilator."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import (
    add_program,
    add_schedule,
    load_program,
    load_program_data,
)
from pann_hw.commands.console import bar, table
from pann_hw.commands.layers import layers, show_layers
from pann_hw.commands.simulator import ready_simulator

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.program.deployment import Deployment
    from pann_hw.report.operating_points import PointRun

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_program(parser, labels="y (classes), for the accuracy")
    add_schedule(parser)
    parser.add_argument(
        "--overlap", action="store_true",
        help="start each inference while the one before it runs",
    )  # fmt: skip
    parser.add_argument("--flips", action="store_true", help="count flips")
    parser.add_argument(
        "--inferences", action="store_true",
        help="predicted and counted cycles of every inference",
    )  # fmt: skip
    parser.add_argument(
        "--layers", action="store_true",
        help="cycles and use of the adders of each layer; predicted: the simulation stamps no time "
        "within an inference",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Simulate."""
    from pann_hw.report.operating_points import parse_schedule

    deployment = load_program(args)
    data = load_program_data(args, deployment)
    points = list(range(len(deployment.programs)))
    turns = [[point] for point in points]
    if args.schedule is not None:
        turns = [parse_schedule(args.schedule, len(points))]
    begin = time.monotonic()
    runs = _simulated(args, deployment, data, turns)
    seconds = time.monotonic() - begin
    found = [_point(point, deployment, data, runs[point]) for point in points if point in runs]
    if args.layers:
        _add_layers(found, deployment)
    return {
        "images": len(data),
        "seconds": seconds,
        "overlap": args.overlap,
        "schedule": args.schedule,
        "inferences": _inferences(runs) if args.inferences else None,
        "mismatches": sum(int((run.cycles != run.predicted_cycles).sum()) for run in runs.values()),
        "points": found,
    }


def _simulated(
    args: argparse.Namespace, deployment: Deployment, data: Data, turns: list[list[int]]
) -> dict[int, PointRun]:
    """The run of every operating point that takes part."""
    from pann_hw.errors import InputError
    from pann_hw.report.operating_points import run_schedule

    if args.flips and args.overlap:
        raise InputError("--flips counts single inferences: leave out --overlap, or --flips")
    ready_simulator(deployment.config)
    runs: dict[int, PointRun] = {}
    with bar("simulating", len(data) * len(turns)) as step:
        for schedule in turns:
            found = run_schedule(
                deployment, data.x, schedule, toggles=args.flips, overlap=args.overlap,
                progress=step,
            )  # fmt: skip
            runs |= {point: one for point, one in enumerate(found) if len(one.images)}
    return runs


def _point(point: int, deployment: Deployment, data: Data, run: PointRun) -> dict[str, object]:
    classes = run.outputs.argmax(1)
    right = None if data.y is None else float((classes == data.y[run.images]).mean())
    flips = None
    if run.flips is not None:
        flips = {name: int(each.sum()) for name, each in run.flips.items()}
    return {
        "point": point,
        "encoding": deployment.programs[point].encoding,
        "images": len(run.images),
        "accuracy": right,
        "cycles_per_image": float(run.cycles.mean()),
        "cycles_predicted": float(run.predicted_cycles.mean()),
        "cycles_mismatched": int((run.cycles != run.predicted_cycles).sum()),
        "flips": flips,
        "classes": classes.tolist(),
    }


def _add_layers(points: list[dict[str, object]], deployment: Deployment) -> None:
    """What becomes of each layer, of an inference alone."""
    from pann_hw.machine.cycles import largest_words
    from pann_hw.machine.machine import Machine

    machine = Machine(deployment.image)
    for point in points:
        number = int(str(point["point"]))
        program = deployment.programs[number]
        point["layers"] = layers(program, machine.run(number, largest_words(program)))


def _inferences(runs: dict[int, PointRun]) -> list[dict[str, int]]:
    """Every inference, by image, then by operating point."""
    found = [
        {
            "image": int(image),
            "point": point,
            "class": int(one),
            "cycles_predicted": int(predicted),
            "cycles_counted": int(counted),
        }
        for point, run in runs.items()
        for image, one, predicted, counted in zip(
            run.images, run.outputs.argmax(1), run.predicted_cycles, run.cycles, strict=True
        )
    ]
    return sorted(found, key=lambda one: (one["image"], one["point"]))


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points = result["points"]
    assert isinstance(points, list)
    headings = ["point", "encoding", "images", "accuracy %", "cycles per image", "predicted"]
    flips = any(point["flips"] for point in points)
    table(
        f"{result['images']} images on the accelerator, {result['seconds']:.1f} s"
        + (", each started while the one before it runs" if result["overlap"] else ""),
        (*headings, "flips per image") if flips else headings,
        [_row(point, flips=flips) for point in points],
    )
    if result["inferences"] is not None:
        _show_inferences(result["inferences"])
    for point in points:
        if "layers" in point:
            show_layers(
                f"Point {point['point']} ({point['encoding']}), an inference alone: cycles, terms, "
                f"and what becomes of the adders' slots, in %, all predicted from the program",
                point["layers"],
            )
    total = sum(point["images"] for point in points)
    print(
        f"{total - int(str(result['mismatches']))} of {total} inferences took the cycles predicted"
    )


def _show_inferences(inferences: object) -> None:
    assert isinstance(inferences, list)
    keys = ("image", "point", "class", "cycles_predicted", "cycles_counted")
    table(
        "Inferences",
        ("image", "point", "class", "cycles predicted", "counted", "predicted = counted"),
        [
            (
                *(one[key] for key in keys),
                "yes" if one["cycles_predicted"] == one["cycles_counted"] else "NO",
            )
            for one in inferences
        ],
    )


def _row(point: dict[str, object], *, flips: bool) -> tuple[object, ...]:
    accuracy, images, counted = point["accuracy"], point["images"], point["flips"]
    row = (
        point["point"],
        point["encoding"],
        images,
        "-" if accuracy is None else f"{100 * float(str(accuracy)):.2f}",
        f"{point['cycles_per_image']:.0f}",
        f"{point['cycles_predicted']:.0f}",
    )
    if not flips:
        return row
    assert isinstance(counted, dict) and isinstance(images, int)
    return (*row, f"{sum(counted.values()) / images:.0f}")
