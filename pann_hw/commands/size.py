"""``pann-hw size``: hardware and operating point for a budget of power or energy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import say, table
from pann_hw.commands.recipe import (
    add_calibration,
    add_recipe,
    check_calibration,
    load_float,
    load_recipe,
)
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.sizing.cost import Estimator
    from pann_hw.sizing.goal import Goal
    from pann_hw.sizing.hardware import Hardware
    from pann_hw.sizing.search import Sizing
    from pann_hw.sizing.trial import Trial
    from pann_hw.technology.known import Technology
    from pann_hw.technology.library import Library

__all__ = ["add_arguments", "run", "show"]

_LANES, _CORES = "8,16,32,64", "1,2,4,8"
_WINDOWS = 8
"""Of cycles with delays, as `pann-hw power --gates` has them by default."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    budget = parser.add_argument_group("budget", "one of --power and --energy")
    budget.add_argument("--power", metavar="P", help="at most, with --fps: 2mW, 500uW")
    budget.add_argument("--energy", metavar="E", help="per inference, at most: 5uJ, 300nJ")
    budget.add_argument("--fps", type=float, metavar="F", help="inferences a second")
    budget.add_argument(
        "--cells", action="store_true",
        help="the budget is for the cells alone, not for memories, which are an estimate",
    )  # fmt: skip
    gates = parser.add_argument_group("gates")
    gates.add_argument("--tech", metavar="NAME", help="sky130, sg13g2 or asap7")
    gates.add_argument(
        "--liberty", type=Path, nargs="+", metavar="FILE",
        help="the technology's Liberty files, for the last steps: mapped to its cells, glitches "
        "and all; the technology's coefficients alone where left out",
    )  # fmt: skip
    gates.add_argument(
        "--measured", type=int, default=1, metavar="N",
        help="images that energy is the mean of, the first of --data; default %(default)s",
    )  # fmt: skip
    gates.add_argument(
        "--max-clock", type=float, default=50.0, metavar="MHZ",
        help="the clock is the slowest that makes the rate, or this where there is no rate; "
        "default %(default)g",
    )  # fmt: skip
    tried = parser.add_argument_group("accelerators to try, separated by commas")
    tried.add_argument(
        "--lane", default="csd,mac", metavar="KINDS",
        help="csd adds, mac multiplies; default %(default)s",
    )  # fmt: skip
    tried.add_argument("--lanes", default=_LANES, metavar="N", help="default %(default)s")
    tried.add_argument("--cores", default=_CORES, metavar="C", help="default %(default)s")
    add_recipe(parser)
    parser.add_argument(
        "--output", type=Path, default=Path("sized.pann"), metavar="FILE",
        help="the program; its accelerator's configuration is written beside it, as .json; "
        "default %(default)s",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Search, then write program and configuration."""
    from pann_hw.program.deployment import save_deployment
    from pann_hw.sizing.points import Points
    from pann_hw.sizing.search import size

    check_calibration(args)
    recipe = load_recipe(args)
    goal = _goal(args)
    hardware = _hardware(args)
    if args.measured < 1:
        raise InputError(f"--measured {args.measured}: must be at least 1")
    config_file = args.output.with_suffix(".json")
    if config_file == args.output:
        raise InputError(
            f"--output {args.output}: the program must not end in .json, as its configuration "
            f"does; use .pann"
        )
    for path in (args.output, config_file):
        check_writable(path)
    library, technology = _technology(args)
    graph, data = load_float(args.network, args.data)
    data = data.first(args.images)
    points = Points(graph, data.x, data.y, recipe, args.max_shift)
    quick, final = _estimators(args, library, technology, data.x[: args.measured])
    found = size(points, goal, hardware, quick, final, lambda trial: say(_line(trial, goal)))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_deployment(found.chosen.deployment, args.output)
    found.chosen.deployment.config.save(config_file)
    return {
        "program": str(args.output),
        "config": str(config_file),
        "technology": technology.name,
        "limit": goal.limit,
        "unit": goal.unit,
        "fps": goal.fps,
        "memories": goal.memories,
        "images": len(data),
        "chosen": _row(found.chosen, goal),
        "part": found.part,
        "met": found.met,
        "confirm": _confirmation(args, technology, found),
        "trials": [
            {**_row(trial, goal), "chosen": trial is found.chosen} for trial in found.trials
        ],
    }


def _goal(args: argparse.Namespace) -> Goal:
    from pann_hw.sizing.goal import Goal
    from pann_hw.sizing.quantities import parse_quantity

    if (args.power is None) == (args.energy is None):
        raise InputError("give one of --power and --energy, such as --power 2mW --fps 30")
    unit = "J" if args.power is None else "W"
    text = args.energy if args.power is None else args.power
    limit = parse_quantity(text, unit)
    return Goal(limit, unit, args.fps, args.max_clock * 1e6, memories=not args.cells)


def _hardware(args: argparse.Namespace) -> list[Hardware]:
    from pann_hw.sizing.hardware import KINDS, candidates

    kinds = args.lane.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"--lane {args.lane}: must be of {', '.join(KINDS)}")
    lanes, cores = (_numbers(name, getattr(args, name)) for name in ("lanes", "cores"))
    return candidates(kinds, lanes, cores, args.max_shift)


def _numbers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--{name} {text}: must be numbers, separated by commas") from None


def _technology(args: argparse.Namespace) -> tuple[Library | None, Technology]:
    """The library, where there is one, and its technology."""
    from pann_hw.commands.gate_power import load_library
    from pann_hw.technology.known import TECHNOLOGIES
    from pann_hw.technology.known import technology as named

    if not args.liberty:
        if not args.tech:
            raise InputError(f"give --tech, one of {', '.join(TECHNOLOGIES)}, or --liberty")
        return None, named(args.tech)
    library, technology = load_library(args)
    if technology is None:
        raise InputError(
            f"--liberty: {library.name} is of no technology that is known "
            f"({', '.join(TECHNOLOGIES)}), the search needs coefficients of one; measure programs "
            f"with pann-hw power --gates"
        )
    return library, technology


def _estimators(
    args: argparse.Namespace, library: Library | None, technology: Technology, x: Any
) -> tuple[Estimator, Estimator | None]:
    from pann_hw.sizing.cost import by_coefficients, by_gates

    quick = by_coefficients(technology.name, x)
    if library is None:
        return quick, None
    from sim.gates.icarus import require_icarus

    require_icarus()
    return quick, by_gates(library, args.liberty, technology, x, _WINDOWS)


def _confirmation(args: argparse.Namespace, technology: Technology, found: Sizing) -> str:
    from shlex import join

    images = [] if args.measured == 1 else ["--images", str(args.measured)]
    liberty = ["--liberty", *map(str, args.liberty)] if args.liberty else []
    return join([
        "pann-hw", "power", str(args.output), "--data", str(args.data), *images, "--gates",
        "--tech", technology.name, "--clock", f"{found.chosen.clock / 1e6:g}", *liberty,
    ])  # fmt: skip


def _row(trial: Trial, goal: Goal) -> dict[str, Any]:
    seconds = trial.cycles / trial.clock
    cells = trial.cost.energy(seconds, memories=False)
    both = trial.cost.energy(seconds, memories=True)
    return {
        "lane": trial.hardware.kind,
        "lanes": trial.hardware.lanes,
        "cores": trial.hardware.cores,
        "setting": str(trial.setting),
        "flips_per_mac": trial.point.flips_per_mac,
        "bx": trial.point.bits,
        "R": trial.point.additions,
        "accuracy": trial.point.accuracy,
        "agreement": trial.point.agreement,
        "error": trial.point.error,
        "cycles": trial.cycles,
        "clock": trial.clock,
        "rate": 1 / seconds,
        "area": trial.cost.area,
        "energy": cells,
        "energy_with_memories": both,
        "power": cells * 1e-15 / seconds,
        "power_with_memories": both * 1e-15 / seconds,
        "part": trial.amount / goal.limit,
        "by": trial.by,
    }


def _line(trial: Trial, goal: Goal) -> str:
    from pann_hw.sizing.quantities import shown

    return (
        f"{trial.hardware.lanes} {trial.hardware.kind} lanes, {trial.hardware.cores} cores, "
        f"{trial.setting}: {shown(trial.amount, goal.unit)} by "
        f"{trial.by}, {100 * trial.amount / goal.limit:.1f} % of the budget"
    )


def show(result: dict[str, Any]) -> None:
    """Print the result."""
    from pann_hw.sizing.quantities import shown

    rate = "" if result["fps"] is None else f" at {result['fps']:g} inferences/s"
    key, unit, size = ("power", "mW", 1e3) if result["unit"] == "W" else ("energy", "uJ", 1e-9)
    table(
        f"{shown(result['limit'], result['unit'])}{rate}, {result['technology']}, "
        f"{result['images']} calibration images: what was tried",
        (
            "lanes", "cores", "for", "accuracy %", "error %", "MHz", "mm2", unit, "budget %", "by",
            "",
        ),
        [
            (
                f"{one['lanes']} {one['lane']}", one["cores"], one["setting"],
                f"{100 * (one['agreement'] if one['accuracy'] is None else one['accuracy']):.2f}",
                f"{100 * one['error']:.2f}", f"{one['clock'] / 1e6:.3g}",
                f"{one['area'] / 1e6:.3f}", f"{one[_amount(result, key)] * size:.4g}",
                f"{100 * one['part']:.1f}", one["by"], "<- chosen" if one["chosen"] else "",
            )
            for one in result["trials"]
        ],
    )  # fmt: skip
    for line in _summary(result):
        print(line)


def _amount(result: dict[str, Any], name: str) -> str:
    return f"{name}_with_memories" if result["memories"] else name


def _summary(result: dict[str, Any]) -> list[str]:
    from pann_hw.sizing.quantities import shown

    one = result["chosen"]
    memories = one["power_with_memories"] - one["power"]
    kind = "energy" if result["unit"] == "J" else "power"
    included = "included" if result["memories"] else "not in the budget"
    predicted = (
        f"Predicted: {shown(one['power'], 'W')} of cells, {shown(memories, 'W')} of memories (an "
        f"estimate, {included}): {100 * result['part']:.1f} % of the budget, "
        f"{shown(one[_amount(result, 'energy')] * 1e-15, 'J')} per inference, "
        f"{one['rate']:.4g} inferences/s at {one['clock'] / 1e6:g} MHz"
    )
    unused = (
        f"The {kind} budget is not used up: no operating point that is tried is better within it"
    )
    program = f"Program: {result['program']}; pann-hw generate --config {result['config']}"
    return [
        predicted,
        *([] if result["met"] else [unused]),
        program,
        f"Confirm: {result['confirm']}",
    ]
