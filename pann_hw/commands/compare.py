"""``pann-hw compare``: every output of every layer, on every level."""

from __future__ import annotations

import argparse

from pann_hw.commands.arguments import add_program, load_program, load_program_data
from pann_hw.commands.console import bar, table
from pann_hw.commands.simulator import ready_simulator

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_program(parser, labels="optionally y")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Run all levels and compare them with PyTorch."""
    from pann_hw.report.verify import verify

    deployment = load_program(args)
    data = load_program_data(args, deployment)
    ready_simulator(deployment.config)
    with bar("comparing", len(data) * len(deployment.programs)) as step:
        results = verify(deployment, data.x, progress=step)
    return {
        "images": len(data),
        "mismatches": sum(result.mismatched for result in results),
        "points": [
            {
                "encoding": program.encoding,
                "compared": result.compared,
                "mismatches": result.mismatched,
                "cycles_predicted": int(result.predicted_cycles.max()),
                "cycles_counted": int(result.cycles.max()),
                "first": [str(mismatch) for mismatch in result.mismatches],
            }
            for program, result in zip(deployment.programs, results, strict=True)
        ],
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points = result["points"]
    assert isinstance(points, list)
    keys = ("encoding", "compared", "mismatches", "cycles_predicted", "cycles_counted")
    table(
        f"{result['images']} images: interpreter and accelerator against PyTorch",
        ("point", *(key.replace("_", " ") for key in keys)),
        [(index, *(point[key] for key in keys)) for index, point in enumerate(points)],
    )
    for index, point in enumerate(points):
        for line in point["first"]:
            print(f"point {index}: {line}")
    print(f"{result['mismatches']} mismatches")
