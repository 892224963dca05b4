"""``pann-hw quantize``: a float network becomes an integer network within a power budget."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import bar, say, table
from pann_hw.commands.recipe import add_calibration, add_recipe, check_calibration, load_recipe
from pann_hw.errors import InputError

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    parser.add_argument(
        "--budget", default="2bit", metavar="FLIPS",
        help="flips per MAC, or 2bit .. 8bit for what an unsigned MAC of that width takes; "
        "default %(default)s",
    )  # fmt: skip
    parser.add_argument("--encoding", default="csd", metavar="NAME", help="csd (default) or unary")
    add_recipe(parser)
    parser.add_argument("--output", type=Path, default=Path("network.npz"), metavar="FILE")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Import, then search the best integer network for the budget."""
    from pann_hw.integer.store import save
    from pann_hw.integer.terms import ENCODINGS
    from pann_hw.network.data import load_data
    from pann_hw.network.load import load_network
    from pann_hw.quantise.budget import WIDTHS, parse_budget
    from pann_hw.quantise.search import best, search

    if args.encoding not in ENCODINGS:
        raise InputError(f"--encoding {args.encoding}: must be one of {', '.join(ENCODINGS)}")
    check_calibration(args)
    recipe = load_recipe(args)
    budget = parse_budget(args.budget)
    check_writable(args.output)
    data = load_data(args.data, labels=False)
    graph = load_network(args.network, data.sample_shape)
    for note in graph.notes:
        say(note)
    labels = None if data.y is None else data.y[: args.images]
    max_shift = args.max_shift if args.encoding == "csd" else 0
    with bar("quantising", 1 if recipe.layer_budgets else len(WIDTHS)) as step:
        candidates = search(
            graph, data.x[: args.images], labels, budget, max_shift, lambda *_: step(), recipe
        )
    chosen = best(candidates)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save(chosen.network, args.output)
    rows = [
        {
            "bx": item.bits,
            "R": item.additions,
            "flips_per_mac": item.flips_per_mac,
            "accuracy": item.accuracy,
            "agreement": item.agreement,
            "error": item.error,
            "chosen": item is chosen,
        }
        for item in candidates
    ]
    return {
        "network": str(args.output),
        "budget": budget,
        "encoding": args.encoding,
        "recipe": asdict(recipe),
        "images": min(args.images, len(data)),
        "bx": chosen.bits,
        "R": chosen.additions,
        "flips_per_mac": chosen.flips_per_mac,
        "accuracy": chosen.accuracy,
        "agreement": chosen.agreement,
        "macs": chosen.network.macs,
        "candidates": rows,
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    candidates = result["candidates"]
    assert isinstance(candidates, list)
    table(
        f"Budget {result['budget']:g} flips per MAC, {result['encoding']} terms, "
        f"{result['images']} calibration images",
        ("bx", "R", "flips/MAC", "accuracy %", "agreement %", "output error %", ""),
        [
            (
                f"{item['bx']:.3g}",
                f"{item['R']:.2f}",
                f"{item['flips_per_mac']:.2f}",
                "-" if item["accuracy"] is None else f"{100 * item['accuracy']:.2f}",
                f"{100 * item['agreement']:.2f}",
                f"{100 * item['error']:.2f}",
                "<- chosen" if item["chosen"] else "",
            )
            for item in candidates
        ],
    )
    print(f"Integer network: {result['network']} ({result['macs']} MACs per inference)")
