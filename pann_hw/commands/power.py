"""``pann-hw power``: bit flips, predicted from program and data, and counted in the accelerator.

With ``--gates``: energy per inference in gates, see :mod:`pann_hw.commands.gate_power`.
"""

from __future__ import annotations

import argparse

from pann_hw.commands import gate_power
from pann_hw.commands.arguments import add_program, load_program, load_program_data
from pann_hw.commands.console import bar, table
from pann_hw.commands.formula import formula_flips
from pann_hw.commands.simulator import ready_simulator

__all__ = ["add_arguments", "flip_rows", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_program(parser, labels="optionally y")
    gate_power.add_arguments(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Predict and count."""
    gate_power.check(args)
    if args.gates:
        return gate_power.run(args)
    from pann_hw.report.verify import verify

    deployment = load_program(args)
    data = load_program_data(args, deployment)
    ready_simulator(deployment.config)
    with bar("counting", len(data) * len(deployment.programs)) as step:
        results = verify(deployment, data.x, toggles=True, progress=step)
    points = []
    for program, network, result in zip(
        deployment.programs, deployment.networks, results, strict=True
    ):
        points.append(
            {
                "encoding": program.encoding,
                "flips_per_mac": formula_flips(network, deployment.config, program.encoding),
                "macs": network.macs,
                "toggles": {
                    name: {"predicted": result.predicted[name], "counted": counted}
                    for name, counted in result.counted.items()
                },
            }
        )
    return {
        "images": len(data),
        "mismatches": sum(result.mismatched for result in results),
        "points": points,
    }


def flip_rows(toggles: dict[str, dict[str, int]], images: int) -> list[tuple[object, ...]]:
    """Table rows of flips per image: class, predicted, counted, error; their sum last."""
    total = {key: sum(item[key] for item in toggles.values()) for key in ("predicted", "counted")}
    rows: list[tuple[object, ...]] = []
    for name, item in [*toggles.items(), ("all", total)]:
        predicted, counted = item["predicted"], item["counted"]
        if predicted == counted:
            error = "exact"
        elif counted:
            error = f"{100 * (predicted - counted) / counted:+.1f} %"
        else:
            error = "-"
        rows.append((name, f"{predicted / images:.1f}", f"{counted / images:.1f}", error))
    return rows


def show(result: dict[str, object]) -> None:
    """Print the result."""
    if "classes" in result:
        gate_power.show(result)
        return
    points, images = result["points"], result["images"]
    assert isinstance(points, list) and isinstance(images, int)
    for index, point in enumerate(points):
        table(
            f"Point {index} ({point['encoding']}): flips per image, {images} images; by formula "
            f"{point['flips_per_mac']:.2f} flips per MAC, {point['macs']} MACs",
            ("class", "predicted", "counted", "error"),
            flip_rows(point["toggles"], images),
        )
    if result["mismatches"]:
        print(f"{result['mismatches']} mismatches: run pann-hw compare")
