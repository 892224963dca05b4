"""``pann-hw simulate``: run a program on the accelerator in Verilator."""

from __future__ import annotations

import argparse
import time

from pann_hw.commands.arguments import add_program, load_program, load_program_data
from pann_hw.commands.console import bar, table
from pann_hw.commands.simulator import ready_simulator

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_program(parser, labels="y (classes), for the accuracy")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Simulate."""
    from pann_hw.report.verify import verify

    deployment = load_program(args)
    data = load_program_data(args, deployment)
    ready_simulator(deployment.config)
    begin = time.monotonic()
    with bar("simulating", len(data) * len(deployment.programs)) as step:
        results = verify(deployment, data.x, levels=False, progress=step)
    return {
        "images": len(data),
        "seconds": time.monotonic() - begin,
        "points": [
            {
                "encoding": program.encoding,
                "accuracy": None if data.y is None else float((result.classes == data.y).mean()),
                "cycles_per_image": float(result.cycles.mean()),
                "classes": result.classes.tolist(),
            }
            for program, result in zip(deployment.programs, results, strict=True)
        ],
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points = result["points"]
    assert isinstance(points, list)
    table(
        f"{result['images']} images on the accelerator, {result['seconds']:.1f} s",
        ("point", "encoding", "accuracy %", "cycles per image"),
        [
            (
                index,
                point["encoding"],
                "-" if point["accuracy"] is None else f"{100 * point['accuracy']:.2f}",
                f"{point['cycles_per_image']:.0f}",
            )
            for index, point in enumerate(points)
        ],
    )
