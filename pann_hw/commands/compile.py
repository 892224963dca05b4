"""``pann-hw compile``: integer networks become a program for an accelerator."""

from __future__ import annotations

import argparse
from pathlib import Path

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import table
from pann_hw.errors import InputError

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "networks", nargs="+", type=Path, metavar="network",
        help="made by pann-hw quantize; several become operating points 0, 1, ...",
    )  # fmt: skip
    parser.add_argument(
        "--encoding", metavar="NAMES",
        help="csd or unary, or one for each network, separated by commas; default what the lanes "
        "can do",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("program.pann"), metavar="FILE")
    add_config(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Compile, link, save."""
    from pann_hw.integer.store import load
    from pann_hw.machine.machine import Machine
    from pann_hw.program.compile import descriptor_words
    from pann_hw.program.deployment import deploy, save_deployment

    config = load_config(args)
    check_writable(args.output)
    names = (args.encoding or config.lane).split(",")
    encodings = names * len(args.networks) if len(names) == 1 else names
    if len(encodings) != len(args.networks):
        raise InputError(
            f"--encoding {args.encoding}: {len(names)} encodings for {len(args.networks)} "
            f"networks: give one, or one for each"
        )
    deployment = deploy([load(path) for path in args.networks], encodings, config)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_deployment(deployment, args.output)
    machine = Machine(deployment.image)
    return {
        "program": str(args.output),
        "stream_words": len(deployment.image.stream()),
        "points": [
            {
                "network": str(path),
                "encoding": program.encoding,
                "passes": len(program.passes),
                "bundles": sum(program.term_words),
                "descriptor_words": descriptor_words(program),
                "activation_words": config.banks
                * max(place.base + place.words for place in program.placements.values()),
                "cycles_per_image": machine.run(point).cycles,
            }
            for point, (path, program) in enumerate(
                zip(args.networks, deployment.programs, strict=True)
            )
        ],
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points = result["points"]
    assert isinstance(points, list)
    keys = (
        "encoding", "passes", "bundles", "descriptor_words", "activation_words", "cycles_per_image",
    )  # fmt: skip
    table(
        "Operating points",
        ("point", *(key.replace("_", " ") for key in keys)),
        [(index, *(point[key] for key in keys)) for index, point in enumerate(points)],
    )
    print(f"Program: {result['program']} ({result['stream_words']} words to load)")
