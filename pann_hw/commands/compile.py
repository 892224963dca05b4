"""``pann-hw compile``: integer networks become a program for an accelerator."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import bar, table
from pann_hw.commands.formula import formula_flips, largest_shift
from pann_hw.commands.layers import layers, show_layers
from pann_hw.commands.recipe import add_recipe, load_float, load_recipe
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.integer.network import IntegerNetwork
    from pann_hw.machine.schedule import Schedule
    from pann_hw.program.program import Program

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "networks", nargs="+", metavar="network",
        help="made by pann-hw quantize; several become operating points 0, 1, ...; with --budget "
        "one float network",
    )  # fmt: skip
    parser.add_argument(
        "--budget", metavar="FLIPS",
        help="quantise a float network first, for an operating point of each of these budgets, "
        "separated by commas: flips per MAC, or 2bit .. 8bit",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="with --budget: .npz with x, and y, to calibrate"
    )
    parser.add_argument(
        "--images", type=int, default=512, metavar="N", help="of it; default %(default)s"
    )
    add_recipe(parser)
    parser.add_argument(
        "--encoding", metavar="NAMES",
        help="csd or unary; on lanes that multiply sparse, or dense, where weights of 0 are terms "
        "too; one, or one for each operating point, separated by commas; default the first of "
        "these that the lanes can do",
    )  # fmt: skip
    parser.add_argument(
        "--layers", action="store_true",
        help="cycles and use of the adders of each layer, predicted from the program",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("program.pann"), metavar="FILE")
    add_config(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Quantise where asked for, compile, link, save."""
    from pann_hw.machine.cycles import largest_words
    from pann_hw.machine.machine import Machine
    from pann_hw.program.deployment import deploy, save_deployment
    from pann_hw.program.encoding import encoding_names

    config = load_config(args)
    check_writable(args.output)
    budgets = [] if args.budget is None else args.budget.split(",")
    count = len(budgets) or len(args.networks)
    if budgets and config.multiplies:
        raise InputError(
            f"--budget {args.budget}: is of additions, lanes of kind {config.lane} multiply; make "
            f"the network with pann-hw quantize --baseline"
        )
    names = (args.encoding or encoding_names(config)[0]).split(",")
    encodings = names * count if len(names) == 1 else names
    if len(encodings) != count:
        what = "budgets" if budgets else "networks"
        raise InputError(
            f"--encoding {args.encoding}: {len(names)} encodings for {count} {what}: give one, or "
            f"one for each"
        )
    shifts = [largest_shift(config, name) for name in encodings]
    networks = _quantised(args, budgets, shifts) if budgets else _loaded(args)
    deployment = deploy(networks, encodings, config)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_deployment(deployment, args.output)
    machine = Machine(deployment.image)
    return {
        "program": str(args.output),
        "stream_words": len(deployment.image.stream()),
        "points": [
            {
                "network": args.networks[0 if budgets else point],
                "flips_per_mac": formula_flips(network, config, program.encoding),
                **_point(program, machine.run(point, largest_words(program)), listed=args.layers),
            }
            for point, (program, network) in enumerate(
                zip(deployment.programs, deployment.networks, strict=True)
            )
        ],
    }


def _point(program: Program, schedule: Schedule, *, listed: bool) -> dict[str, object]:
    """What is told of an operating point; of its layers where they are to be ``listed``."""
    from pann_hw.program.compile import descriptor_words

    words = max(place.base + place.words for place in program.placements.values())
    point = {
        "encoding": program.encoding,
        "passes": len(program.passes),
        "bundles": sum(program.term_words),
        "descriptor_words": descriptor_words(program),
        "activation_words": program.config.banks * words,
        "weight_words": program.weight_words,
        "cycles_per_image": schedule.cycles,
        "cycles_at_most": program.linear,
    }
    return {**point, "layers": layers(program, schedule)} if listed else point


def _loaded(args: argparse.Namespace) -> list[IntegerNetwork]:
    """The integer networks that are given."""
    from pann_hw.integer.store import load

    if args.data is not None:
        raise InputError(f"--data {args.data}: calibrates for budgets, give them with --budget")
    return [load(Path(name)) for name in args.networks]


def _quantised(
    args: argparse.Namespace, budgets: list[str], shifts: list[int]
) -> list[IntegerNetwork]:
    """The integer network of the float network for each budget."""
    from pann_hw.quantise.budget import parse_budget
    from pann_hw.quantise.search import best, search, trial_count

    recipe = load_recipe(args)
    for budget in budgets:
        parse_budget(budget)
    if len(args.networks) != 1:
        raise InputError(
            f"--budget {args.budget} with {len(args.networks)} networks: must be one float network"
        )
    if args.data is None:
        raise InputError(f"--budget {args.budget}: needs --data, images to calibrate with")
    if args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")
    graph, data = load_float(args.networks[0], args.data)
    data = data.first(args.images)
    networks = []
    with bar("quantising", len(budgets) * trial_count(recipe)) as step:
        for budget, shift in zip(budgets, shifts, strict=True):
            found = search(graph, data.x, data.y, budget, shift, lambda *_: step(), recipe)
            networks.append(best(found).network)
    return networks


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points = result["points"]
    assert isinstance(points, list)
    headings = {
        "encoding": "encoding", "flips_per_mac": "flips/MAC", "passes": "passes",
        "bundles": "bundles", "descriptor_words": "descriptors",
        "activation_words": "activations", "weight_words": "weights",
    }  # fmt: skip
    table(
        "Operating points, and the words of memory that they take",
        ("point", *headings.values(), "cycles per image"),
        [
            (index, *(_shown(point[key]) for key in headings), _cycles(point))
            for index, point in enumerate(points)
        ],
    )
    for index, point in enumerate(points):
        if "layers" in point:
            show_layers(
                f"Point {index} ({point['encoding']}): predicted cycles, terms, and what becomes "
                f"of the adders' slots, in %",
                point["layers"],
            )
    print(f"Program: {result['program']} ({result['stream_words']} words to load)")


def _cycles(point: dict[str, object]) -> object:
    """Cycles; where data decide how long linear passes take, those of the slowest data."""
    cycles = point["cycles_per_image"]
    return f"at most {cycles}" if point["cycles_at_most"] else cycles


def _shown(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else value
