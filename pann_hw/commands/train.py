"""``pann-hw train``: an integer network, of a budget or for multipliers, trained on images."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import bar, say, table
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
    max_shift_of,
    title_of,
    widths_of,
)
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.integer.network import IntegerNetwork
    from pann_hw.network.data import Data
    from pann_hw.network.graph import FloatGraph
    from pann_hw.quantise.recipe import Recipe
    from pann_hw.quantise.training import Schedule, Trained

    Train = Callable[[Data, Schedule, str, Callable[[], None]], Trained]
    Begun = tuple[IntegerNetwork, Train, Callable[[IntegerNetwork], float]]
    """The network to begin with, what trains it, and flips per MAC."""

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_calibration(parser)
    add_target(parser)
    add_recipe(parser)
    group = parser.add_argument_group("training, on all of --data")
    group.add_argument("--epochs", type=int, metavar="N", help="default 10")
    group.add_argument("--batch", type=int, metavar="N", help="images at a time; default 32")
    group.add_argument(
        "--rate", type=float, metavar="X",
        help="highest learning rate of the weights, in their steps; default 0.001",
    )  # fmt: skip
    group.add_argument(
        "--label-weight", type=float, metavar="X",
        help="of the labels beside the float network's own outputs; default 0.1",
    )  # fmt: skip
    group.add_argument(
        "--flip", action="store_true", default=None, help="mirror half of the images left to right"
    )
    group.add_argument(
        "--shift", type=int, metavar="N", help="move images by up to N pixels; default 0"
    )
    group.add_argument("--seed", type=int, metavar="N", help="default 0")
    group.add_argument(
        "--device", default="cpu", metavar="NAME", help="of torch: cpu (default), cuda, cuda:1, .."
    )
    parser.add_argument("--output", type=Path, default=Path("network.npz"), metavar="FILE")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Import, quantise, train; the network of the best epoch is saved."""
    from pann_hw.integer.store import save
    from pann_hw.quantise.budget import mean_additions, mean_bits
    from pann_hw.quantise.quality import float_outputs, quality
    from pann_hw.quantise.training import batch_count

    check_calibration(args)
    recipe = load_recipe(args)
    if recipe.channel_steps:
        raise InputError("--channel-steps: training takes one weight step for a layer")
    check_target(args, layer_budgets=False)
    schedule = _schedule(args)
    check_writable(args.output)
    graph, data = load_float(args.network, args.data)
    calibration = data.first(args.images)
    say(f"quantising, {len(calibration)} calibration images")
    begin = _budgeted if args.baseline is None else _baseline
    start, train, flips = begin(args, graph, calibration, recipe)
    steps = schedule.epochs * batch_count(len(data), schedule)
    with bar(f"training on {len(data)} images", steps) as step:
        trained = train(data, schedule, args.device, step)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save(trained.network, args.output)
    wanted = float_outputs(graph, data.x)
    rows = [
        {
            "network": name,
            "bx": mean_bits(network),
            "R": mean_additions(network),
            "flips_per_mac": flips(network),
            **asdict(quality(network, data.x, data.y, wanted)),
        }
        for name, network in (("quantised", start), ("trained", trained.network))
    ]
    return {
        "network": str(args.output),
        "budget": trained.network.budget,
        "encoding": None if args.baseline else encoding_of(args),
        "baseline": args.baseline,
        "title": title_of(args),
        "recipe": asdict(recipe),
        "schedule": asdict(schedule),
        "images": len(data),
        "start": trained.start,
        "best": trained.best,
        "epochs": [asdict(epoch) for epoch in trained.epochs],
        "networks": rows,
    }


def _budgeted(
    args: argparse.Namespace, graph: FloatGraph, calibration: Data, recipe: Recipe
) -> Begun:
    from pann_hw.quantise.budget import flips_per_mac
    from pann_hw.quantise.post_training import prepare
    from pann_hw.quantise.search import best, search
    from pann_hw.quantise.training import train

    x, budget, max_shift = calibration.x, budget_of(args), max_shift_of(args)
    start = best(
        search(graph, x, calibration.y, budget, max_shift, recipe=recipe, widths=widths_of(args))
    ).network
    prepared = prepare(graph, x, recipe)
    return (
        start,
        lambda data, schedule, device, step: train(
            prepared, data.x, data.y, budget, max_shift, schedule, start, device, step
        ),
        lambda network: flips_per_mac(network, max_shift),
    )


def _baseline(
    args: argparse.Namespace, graph: FloatGraph, calibration: Data, recipe: Recipe
) -> Begun:
    from pann_hw.quantise.budget import multiplier_flips_per_mac
    from pann_hw.quantise.post_training import prepare
    from pann_hw.quantise.uniform import fit_uniform
    from pann_hw.quantise.uniform_training import train_uniform

    bits, signed = args.bits, args.baseline == "signed"
    prepared = prepare(graph, calibration.x, recipe)
    start = fit_uniform(prepared, bits, signed, args.input_bits, args.activation_bits)
    return (
        start,
        lambda data, schedule, device, step: train_uniform(
            prepared, data.x, data.y, bits, signed=signed, schedule=schedule, network=start,
            device=device, progress=step,
        ),
        lambda network: multiplier_flips_per_mac(network, bits, signed=signed),
    )  # fmt: skip


def _schedule(args: argparse.Namespace) -> Schedule:
    from pann_hw.quantise.training import Schedule

    given = {field.name: getattr(args, field.name) for field in fields(Schedule)}
    try:
        return Schedule(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise InputError(str(error)) from None


def show(result: dict[str, object]) -> None:
    """Print the result."""
    epochs, rows = result["epochs"], result["networks"]
    assert isinstance(epochs, list) and isinstance(rows, list)
    losses = [{"loss": None, "held_out": result["start"]}, *epochs]
    table(
        f"{result['title']}, {result['images']} training images",
        ("epoch", "loss", "held-out loss", ""),
        [
            (
                number or "start",
                f"{one['loss']:.4f}" if number else "",
                f"{one['held_out']:.4f}",
                "<- taken" if number == result["best"] else "",
            )
            for number, one in enumerate(losses)
        ],
    )
    table(
        "On the training images",
        ("network", "bx", "R", "flips/MAC", "accuracy %", "agreement %", "output error %"),
        [
            (
                row["network"],
                f"{row['bx']:.3g}",
                f"{row['R']:.2f}",
                f"{row['flips_per_mac']:.2f}",
                "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.2f}",
                f"{100 * row['agreement']:.2f}",
                f"{100 * row['error']:.2f}",
            )
            for row in rows
        ],
    )
    print(f"Integer network: {result['network']}")
