"""Arguments that say how a network is quantised, shared by the commands that do."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.console import say
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.network.graph import FloatGraph
    from pann_hw.quantise.recipe import Recipe

__all__ = ["add_calibration", "add_recipe", "check_calibration", "load_float", "load_recipe"]

SWITCHES = {
    "feedback": "make up for a weight's rounding error in the weights not yet rounded",
    "match-float": "fit weights to the float sums on quantised inputs first",
    "correct-biases": "take each channel's mean error out",
    "equalise": "rescale channels so that neighbouring layers' weights have equal ranges",
    "channel-steps": "a weight step for each output channel",
    "layer-budgets": "widths and terms per layer by measured sensitivity",
}
"""Parts of a recipe by the options that switch them, without the dashes in front."""


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """The network, what it is calibrated with, and the lanes that its terms are for."""
    parser.add_argument(
        "network", help="torch.export program (.pt2), ONNX file, or module.py:factory"
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FILE",
        help=".npz with x (float network inputs) and y (classes) to calibrate with",
    )  # fmt: skip
    parser.add_argument("--images", type=int, default=512, metavar="N", help="default %(default)s")
    parser.add_argument(
        "--max-shift", type=int, default=AcceleratorConfig().max_shift, metavar="N",
        help="largest shift of the accelerator's csd lanes; default %(default)s",
    )  # fmt: skip


def check_calibration(args: argparse.Namespace) -> None:
    """Check the numbers of ``add_calibration``'s arguments.

    Raises
    ------
    InputError : one is out of its range
    """
    if not 1 <= args.max_shift <= 7:
        raise InputError(f"--max-shift {args.max_shift}: must be 1..7")
    if args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")


def load_float(network: str, data: Path) -> tuple[FloatGraph, Data]:
    """A float network, with a word on what its import did, and the samples in a file.

    Raises
    ------
    InputError : one of them cannot be read, or they do not fit each other
    """
    from pann_hw.network.data import load_data
    from pann_hw.network.load import load_network

    samples = load_data(data, labels=False)
    graph = load_network(network, samples.sample_shape)
    for note in graph.notes:
        say(note)
    return graph, samples


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """``--recipe`` and an option for each part of a recipe."""
    parser.add_argument(
        "--recipe", default="full", metavar="NAME",
        help="full (default): error feedback, terms and widths per layer by sensitivity; plain: "
        "round to nearest, the same for all layers, in seconds",
    )  # fmt: skip
    for name, meaning in SWITCHES.items():
        parser.add_argument(
            f"--{name}", action=argparse.BooleanOptionalAction, default=None, help=meaning
        )
    parser.add_argument(
        "--thrift", type=float, metavar="X",
        help="how much error a term is worth; 0 rounds without regard to terms; default: several "
        "are tried",
    )  # fmt: skip
    parser.add_argument(
        "--clip", metavar="NAME", help="of activations: mse, percentile (99.9 %%) or none"
    )


def load_recipe(args: argparse.Namespace) -> Recipe:
    """The named recipe with the options' changes.

    Raises
    ------
    InputError : an unknown name, or a number out of its range
    """
    from pann_hw.quantise.recipe import RECIPES

    if args.recipe not in RECIPES:
        raise InputError(f"--recipe {args.recipe}: must be one of {', '.join(RECIPES)}")
    changes = {
        name: value
        for name in (*(switch.replace("-", "_") for switch in SWITCHES), "thrift", "clip")
        if (value := getattr(args, name)) is not None
    }
    if args.thrift is not None:
        changes["other_thrifts"] = ()
    try:
        return replace(RECIPES[args.recipe], **changes)
    except ValueError as error:
        raise InputError(str(error)) from None
