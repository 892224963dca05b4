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
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.network.graph import FloatGraph
    from pann_hw.quantise.recipe import Recipe
    from pann_hw.quantise.search import Candidate

__all__ = ["add_arguments", "run", "show"]

_BUDGET, _ENCODING = "2bit", "csd"
_BASELINES = ("signed", "unsigned")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    parser.add_argument(
        "--budget", metavar="FLIPS",
        help="flips per MAC, or 2bit .. 8bit for what an unsigned MAC of that width takes; "
        f"default {_BUDGET}",
    )  # fmt: skip
    parser.add_argument("--encoding", metavar="NAME", help=f"{_ENCODING} (default) or unary")
    parser.add_argument(
        "--baseline", metavar="KIND",
        help="instead of a budget: ordinary uniform quantisation for signed or unsigned "
        "multipliers of --bits",
    )  # fmt: skip
    parser.add_argument(
        "--bits", type=int, metavar="B", help="of the baseline's weights and activations, 2..8"
    )
    parser.add_argument(
        "--input-bits", type=int, metavar="B",
        help="of the network's input under the baseline, 2..8; default as --bits",
    )  # fmt: skip
    add_recipe(parser)
    parser.add_argument("--output", type=Path, default=Path("network.npz"), metavar="FILE")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Import, then search the best integer network for the budget, or make the baseline."""
    from pann_hw.integer.store import save
    from pann_hw.quantise.search import best

    check_calibration(args)
    recipe = load_recipe(args)
    (_check_searched if args.baseline is None else _check_baseline)(args)
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
        "encoding": None if args.baseline else args.encoding or _ENCODING,
        "baseline": args.baseline,
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


def _check_searched(args: argparse.Namespace) -> None:
    from pann_hw.integer.terms import ENCODINGS
    from pann_hw.quantise.budget import parse_budget

    for name in ("bits", "input_bits"):
        if getattr(args, name) is not None:
            option = "--" + name.replace("_", "-")
            raise InputError(
                f"{option} {getattr(args, name)}: only with --baseline {' or '.join(_BASELINES)}"
            )
    encoding = args.encoding or _ENCODING
    if encoding not in ENCODINGS:
        raise InputError(f"--encoding {encoding}: must be one of {', '.join(ENCODINGS)}")
    parse_budget(args.budget or _BUDGET)


def _searched(
    args: argparse.Namespace, graph: FloatGraph, data: Data, recipe: Recipe
) -> list[Candidate]:
    from pann_hw.quantise.budget import parse_budget
    from pann_hw.quantise.search import search, trial_count

    max_shift = args.max_shift if (args.encoding or _ENCODING) == "csd" else 0
    budget = parse_budget(args.budget or _BUDGET)
    with bar("quantising", trial_count(recipe)) as step:
        return search(graph, data.x, data.y, budget, max_shift, lambda *_: step(), recipe)


def _check_baseline(args: argparse.Namespace) -> None:
    from pann_hw.quantise.budget import WIDTHS

    if args.baseline not in _BASELINES:
        raise InputError(f"--baseline {args.baseline}: must be one of {', '.join(_BASELINES)}")
    for name in ("budget", "encoding"):
        if getattr(args, name) is not None:
            raise InputError(
                f"--{name} {getattr(args, name)}: not with --baseline, which takes --bits"
            )
    if args.bits is None:
        raise InputError(f"--baseline {args.baseline}: needs --bits {WIDTHS[0]}..{WIDTHS[-1]}")
    for option, width in (("--bits", args.bits), ("--input-bits", args.input_bits)):
        if width is not None and width not in WIDTHS:
            raise InputError(f"{option} {width}: must be {WIDTHS[0]}..{WIDTHS[-1]}")


def _baseline(
    args: argparse.Namespace, graph: FloatGraph, data: Data, recipe: Recipe
) -> list[Candidate]:
    from pann_hw.quantise.post_training import prepare
    from pann_hw.quantise.quality import float_outputs
    from pann_hw.quantise.search import candidate
    from pann_hw.quantise.uniform import fit_uniform

    prepared = prepare(graph, data.x, recipe)
    network = fit_uniform(prepared, args.bits, args.baseline == "signed", args.input_bits)
    assert network.budget is not None
    wanted = float_outputs(graph, data.x)
    return [candidate(network, data.x, data.y, wanted, network.budget)]


def show(result: dict[str, object]) -> None:
    """Print the result."""
    candidates = result["candidates"]
    assert isinstance(candidates, list)
    if result["baseline"]:
        title = f"{candidates[0]['bx']}-bit {result['baseline']} multipliers"
    else:
        title = f"Budget {result['budget']:g} flips per MAC, {result['encoding']} terms"
    table(
        f"{title}, {result['images']} calibration images",
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
