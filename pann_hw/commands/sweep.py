"""``pann-hw sweep``: accuracy against predicted bit flips, over budgets and encodings."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import bar, say, table
from pann_hw.commands.folder import output_folder
from pann_hw.commands.recipe import add_calibration, add_recipe, check_calibration, load_recipe
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.integer.network import IntegerNetwork
    from pann_hw.quantise.recipe import Recipe
    from pann_hw.sweep.point import Outcome, Point
    from pann_hw.sweep.problem import Problem
    from pann_hw.sweep.sweep import Sweep

__all__ = ["add_arguments", "run", "show"]

_REPORT, _PLOT, _POINTS = "sweep.json", "sweep.svg", "points"
_MOST_JOBS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    parser.add_argument(
        "--test", type=Path, metavar="FILE",
        help=".npz with x, and y for the accuracy, to measure on; default the calibration images",
    )  # fmt: skip
    parser.add_argument(
        "--budgets", default="2,3,5,2bit,3bit,4bit", metavar="LIST",
        help="flips per MAC, or 2bit .. 8bit, separated by commas; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--encodings", default="unary,csd", metavar="LIST",
        help="unary and csd take each budget; mac-unsigned and mac-signed are ordinary uniform "
        "quantisation for multipliers of 2 to 8 bits, to compare with; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--metric", metavar="NAME",
        help="what the Pareto front is of: accuracy (default with labels), agreement with the "
        "float network (default without), or error of its outputs (default without labels where "
        "they are one number or as many as the inputs)",
    )  # fmt: skip
    add_recipe(parser)
    parser.add_argument(
        "--output", type=Path, default=Path("build/sweep"), metavar="FOLDER",
        help=f"{_REPORT}, {_PLOT} and each point's integer network go there; points of the same "
        "parameters that it holds are not made again; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes on this machine; default its cores"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="of a Dask scheduler, such as tcp://10.0.0.1:8786: its workers instead of processes "
        "on this machine",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Make all points that are missing, then compare."""
    from pann_hw.report.sweep_plot import save_sweep_plot
    from pann_hw.sweep.sweep import points_of

    check_calibration(args)
    recipe = load_recipe(args)
    budgets, encodings = _budgets(args), _encodings(args)
    jobs = _jobs(args)
    folder = check_writable(args.output, folder=True)
    problem, metric = _problem(args, recipe)
    outcomes = _outcomes(args, problem, points_of(encodings, budgets, recipe), jobs)
    sweep = _sweep(args, problem, encodings, budgets, metric, outcomes)
    with output_folder(folder) as part:
        (part / _REPORT).write_text(json.dumps(sweep.to_dict(), indent=1) + "\n")
        if sweep.reached:
            save_sweep_plot(sweep, part / _PLOT)
    return {**sweep.to_dict(), "folder": str(folder)}


def _budgets(args: argparse.Namespace) -> tuple[float, ...]:
    from pann_hw.quantise.budget import parse_budget

    return tuple(sorted({parse_budget(part.strip()) for part in args.budgets.split(",")}))


def _encodings(args: argparse.Namespace) -> tuple[str, ...]:
    from pann_hw.sweep.kinds import KINDS

    names = tuple(dict.fromkeys(part.strip() for part in args.encodings.split(",")))
    for name in names:
        if name not in KINDS:
            raise InputError(
                f"--encodings {args.encodings}: {name!r} must be one of {', '.join(KINDS)}"
            )
    return names


def _jobs(args: argparse.Namespace) -> int:
    """Processes on this machine; the address of a scheduler is checked too."""
    from pann_hw.sweep.schedule import check_address

    if args.jobs is not None and args.scheduler is not None:
        raise InputError("--jobs and --scheduler: give one; a cluster has workers of its own")
    if args.scheduler is not None:
        check_address(args.scheduler)
    if args.jobs is None:
        return min(os.cpu_count() or 1, _MOST_JOBS)
    jobs: int = args.jobs
    if not 1 <= jobs <= _MOST_JOBS:
        raise InputError(f"--jobs {jobs}: must be 1..{_MOST_JOBS}")
    return jobs


def _problem(args: argparse.Namespace, recipe: Recipe) -> tuple[Problem, str]:
    """What the sweep is about, and the metric of its front."""
    from pann_hw.network.data import load_data
    from pann_hw.network.load import load_network
    from pann_hw.sweep.pareto import METRICS, default_metric
    from pann_hw.sweep.problem import Problem

    if args.metric is not None and args.metric not in METRICS:
        raise InputError(f"--metric {args.metric}: must be one of {', '.join(METRICS)}")
    data = load_data(args.data, labels=False)
    calibration = data.first(args.images)
    test = calibration if args.test is None else load_data(args.test, labels=False)
    if test.sample_shape != data.sample_shape:
        raise InputError(
            f"{args.test}: samples are {test.sample_shape}, those of {args.data} are "
            f"{data.sample_shape}: give data of one shape"
        )
    if args.metric == "accuracy" and test.y is None:
        raise InputError(
            f"--metric accuracy: {args.test or args.data} holds no 'y' (classes): "
            f"take agreement or error"
        )
    graph = load_network(args.network, data.sample_shape)
    for note in graph.notes:
        say(note)
    sizes = (math.prod(graph.shapes[name]) for name in (graph.input_name, graph.output_name))
    metric = args.metric or default_metric(test.y is not None, *sizes)
    return Problem(graph, calibration.x, test, recipe, args.max_shift), metric


def _outcomes(
    args: argparse.Namespace, problem: Problem, points: list[Point], jobs: int
) -> list[Outcome]:
    """What came of all points: of those in the output folder, and of those made now."""
    from pann_hw.sweep.schedule import make_all
    from pann_hw.sweep.store import load_outcome, save_outcome

    folder = args.output / _POINTS
    keys = {point: problem.key(point) for point in points}
    found = {point: load_outcome(folder, point, key) for point, key in keys.items()}
    missing = [point for point, outcome in found.items() if outcome is None]
    if len(missing) < len(points):
        say(f"{len(points) - len(missing)} of {len(points)} points are in {folder}")

    def done(outcome: Outcome, network: IntegerNetwork | None) -> None:
        save_outcome(folder, outcome, network, keys[outcome.point])
        found[outcome.point] = outcome
        step()

    if missing:
        with bar("sweeping", len(missing)) as step:
            make_all(problem, missing, done, jobs=jobs, scheduler=args.scheduler, note=say)
    return [outcome for outcome in found.values() if outcome is not None]


def _sweep(
    args: argparse.Namespace,
    problem: Problem,
    encodings: tuple[str, ...],
    budgets: tuple[float, ...],
    metric: str,
    outcomes: list[Outcome],
) -> Sweep:
    from pann_hw.sweep.sweep import Sweep

    classes, labels = problem.wanted.argmax(1), problem.test.y
    return Sweep(
        network=args.network,
        data=str(args.data),
        test=None if args.test is None else str(args.test),
        images=len(problem.calibration),
        test_images=len(problem.test),
        recipe=problem.recipe,
        max_shift=problem.max_shift,
        encodings=encodings,
        budgets=budgets,
        metric=metric,
        float_accuracy=None if labels is None else float((classes == labels).mean()),
        outcomes=tuple(outcomes),
    )


def show(result: dict[str, Any]) -> None:
    """Print the result."""
    measured = f"{result['test_images']} images of {result['test']}"
    if result["test"] is None:
        measured = f"the {result['images']} calibration images, for want of --test"
    accuracy = result["float_accuracy"]
    known = "" if accuracy is None else f"; float accuracy {100 * accuracy:.2f} %"
    reached = [point for point in result["points"] if point["reached"]]
    table(
        f"Measured on {measured}{known}",
        ("point", "bx", "R", "flips/MAC", "flips/inference", "accuracy %", "agreement %",
         "output error %", ""),
        [
            (
                point["name"],
                f"{point['bx']:.3g}",
                f"{point['R']:.2f}",
                f"{point['flips_per_mac']:.2f}",
                f"{point['flips']:,.0f}",
                "-" if point["accuracy"] is None else f"{100 * point['accuracy']:.2f}",
                f"{100 * point['agreement']:.2f}",
                f"{100 * point['error']:.2f}",
                "<- front" if point["front"] else "",
            )
            for point in reached
        ],
    )  # fmt: skip
    for line in _unreached(result["points"]):
        print(line)
    if reached:
        print(f"Front of fewest flips and best {result['metric']}")
        print(f"{_REPORT}, {_PLOT} and {_POINTS}/NAME.npz: {result['folder']}")


def _unreached(points: list[dict[str, Any]]) -> list[str]:
    """A line for each encoding and budget that is too small for some of its points."""
    lines: dict[tuple[str, float], list[str]] = {}
    for point in points:
        if not point["reached"]:
            enough, bits = point["enough_flips_per_mac"], point["bits"]
            needed = "none" if enough is None else f"{enough:g}"
            found = lines.setdefault((point["encoding"], point["budget"]), [])
            found.append(needed if bits is None else f"{needed} for b{bits}")
    return [
        f"{encoding}, {budget:g} flips per MAC: too few; enough: {', '.join(parts)}"
        for (encoding, budget), parts in lines.items()
    ]
