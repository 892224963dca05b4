"""``pann-hw quantize``: a float network becomes an integer network within a power budget.

With ``--baseline`` it becomes what ordinary multipliers would run instead.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import bar, table
from pann_hw.commands.recipe import (
    add_calibration,
    add_recipe,
    check_calibration,
    load_float,
    load_recipe,
)
from pann_hw.commands.target import (
    add_target,
    budget_of,
    check_target,
    encoding_of,
    input_widths_of,
    max_shift_of,
    title_of,
    widths_of,
)

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.network.graph import FloatGraph
    from pann_hw.quantise.recipe import Recipe
    from pann_hw.quantise.search import Candidate

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    add_target(parser)
    add_recipe(parser)
    parser.add_argument("--output", type=Path, default=Path("network.npz"), metavar="FILE")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Import, then search the best integer network for the budget, or make the baseline."""
    from pann_hw.integer.store import save
    from pann_hw.quantise.search import best

    check_calibration(args)
    recipe = load_recipe(args)
    check_target(args, layer_budgets=recipe.layer_budgets)
    check_writable(args.output)
    graph, data = load_float(args.network, args.data)
    data = data.first(args.images)
    make = _searched if args.baseline is None else _baseline
    candidates = make(args, graph, data, recipe)
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
        "budget": chosen.network.budget,
        "encoding": None if args.baseline else encoding_of(args),
        "baseline": args.baseline,
        "title": title_of(args),
        "recipe": asdict(recipe),
        "images": len(data),
        "bx": chosen.bits,
        "R": chosen.additions,
        "flips_per_mac": chosen.flips_per_mac,
        "accuracy": chosen.accuracy,
        "agreement": chosen.agreement,
        "macs": chosen.network.macs,
        "candidates": rows,
    }


def _searched(
    args: argparse.Namespace, graph: FloatGraph, data: Data, recipe: Recipe
) -> list[Candidate]:
    from pann_hw.quantise.search import search, trial_count

    with bar("quantising", trial_count(recipe)) as step:
        return search(
            graph, data.x, data.y, budget_of(args), max_shift_of(args), lambda *_: step(), recipe,
            widths_of(args), input_widths_of(args),
        )  # fmt: skip


def _baseline(
    args: argparse.Namespace, graph: FloatGraph, data: Data, recipe: Recipe
) -> list[Candidate]:
    from pann_hw.quantise.post_training import prepare
    from pann_hw.quantise.quality import float_outputs
    from pann_hw.quantise.search import candidate
    from pann_hw.quantise.uniform import fit_uniform

    prepared = prepare(graph, data.x, recipe)
    network = fit_uniform(
        prepared, args.bits, args.baseline == "signed", args.input_bits, args.activation_bits
    )
    assert network.budget is not None
    wanted = float_outputs(graph, data.x)
    return [candidate(network, data.x, data.y, wanted, network.budget)]


def show(result: dict[str, object]) -> None:
    """Print the result."""
    candidates = result["candidates"]
    assert isinstance(candidates, list)
    table(
        f"{result['title']}, {result['images']} calibration images",
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
