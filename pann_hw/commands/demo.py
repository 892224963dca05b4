"""``pann-hw demo``: the whole path on a real network, from training to counted flips."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import bar, say, table
from pann_hw.commands.folder import output_folder
from pann_hw.commands.generate import write_hardware
from pann_hw.commands.power import flip_rows
from pann_hw.commands.simulator import ready_simulator
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from pann_hw.integer.network import IntegerNetwork
    from pann_hw.network.data import Data
    from pann_hw.network.graph import FloatGraph
    from pann_hw.program.deployment import Deployment
    from pann_hw.report.verify import PointResult

__all__ = ["add_arguments", "run", "show"]

_BUDGETS = ("2bit", "3bit", "4bit")
_CALIBRATION = 512


@dataclass(frozen=True, eq=False)
class _Point:
    budget: str
    encoding: str
    network: IntegerNetwork
    flips_per_mac: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--output", type=Path, default=Path("build/demo"), metavar="FOLDER",
        help="network, data, program and Verilog go there; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of training; default %(default)s")
    add_config(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Train, import, quantise, compile, generate, simulate, compare, count."""
    from pann_hw.network.digits import digits_data, train_digits
    from pann_hw.program.deployment import deploy, save_deployment
    from sim.toolchain import environment

    begin = time.monotonic()
    config = load_config(args)
    if config.multiplies:
        raise InputError(
            f"--lane {config.lane}: multiplies, and the demonstration is of additions; use csd or "
            f"unary"
        )
    folder = check_writable(args.output, folder=True)
    environment()  # A missing compiler is better known before training than after it.
    train, test = digits_data()
    say(f"training a small residual network on {len(train)} digits")
    module = train_digits(args.seed)
    graph = _imported(module, test)
    wanted = _float_classes(graph, test.x)
    points = _quantise(graph, train, config)
    deployment = deploy(
        [point.network for point in points], [point.encoding for point in points], config
    )
    with output_folder(folder) as part:
        _write_network(module, {"train": train, "test": test}, part)
        write_hardware(config, part)
        save_deployment(deployment, part / "program.pann")
    results, seconds = _simulate(deployment, test.x)
    return {
        "float_accuracy": float((wanted == test.y).mean()),
        "images": len(test),
        "mismatches": sum(result.mismatched for result in results),
        "compared": sum(result.compared for result in results),
        "verilog": str(folder / "accelerator.v"),
        "seconds": time.monotonic() - begin,
        "simulation_seconds": seconds,
        "parameters": {"lanes": config.lanes, "cores": config.cores, "lane": config.lane},
        "points": [
            _row(point, result, wanted, test) for point, result in zip(points, results, strict=True)
        ],
        "toggles": _total(results),
        "first": [str(mismatch) for result in results for mismatch in result.mismatches],
    }


def _imported(module: torch.nn.Module, test: Data) -> FloatGraph:
    import torch

    from pann_hw.network.torch_import import import_module

    return import_module(module, torch.from_numpy(test.x[:2]))


def _write_network(module: torch.nn.Module, data: dict[str, Data], folder: Path) -> None:
    """Leave the network and its data for the other commands."""
    import numpy as np
    import torch

    from pann_hw.network.torch_import import inference, quiet

    example = torch.from_numpy(data["test"].x[:2])
    with inference(module), quiet():
        torch.export.save(torch.export.export(module, (example,)), folder / "digits.pt2")
    for name, part in data.items():
        assert part.y is not None
        np.savez(folder / f"{name}.npz", x=part.x, y=part.y)


def _float_classes(graph: FloatGraph, x: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        classes: np.ndarray = graph.run(torch.from_numpy(x)).argmax(1).numpy()
    return classes


def _quantise(graph: FloatGraph, train: Data, config: AcceleratorConfig) -> list[_Point]:
    """The best integer network for each budget and each encoding that the lanes can do."""
    from pann_hw.quantise.budget import flips_per_mac
    from pann_hw.quantise.search import best, search

    shifts = {"unary": 0, "csd": config.shift} if config.shift else {"unary": 0}
    points = []
    labels = None if train.y is None else train.y[:_CALIBRATION]
    with bar("quantising", len(_BUDGETS) * len(shifts)) as step:
        for budget in _BUDGETS:
            for encoding, shift in shifts.items():
                chosen = best(search(graph, train.x[:_CALIBRATION], labels, budget, shift))
                flips = flips_per_mac(chosen.network, shift)
                points.append(_Point(budget, encoding, chosen.network, flips))
                step()
    return points


def _simulate(deployment: Deployment, x: np.ndarray) -> tuple[list[PointResult], float]:
    from pann_hw.report.verify import verify

    ready_simulator(deployment.config)
    begin = time.monotonic()
    with bar("simulating and comparing", len(x) * len(deployment.programs)) as step:
        results = verify(deployment, x, toggles=True, progress=step)
    return results, time.monotonic() - begin


def _row(point: _Point, result: PointResult, wanted: np.ndarray, test: Data) -> dict[str, object]:
    return {
        "budget": point.budget,
        "bx": point.network.bits,
        "R": point.network.additions,
        "encoding": point.encoding,
        "accuracy": float((result.classes == test.y).mean()),
        "agreement": float((result.classes == wanted).mean()),
        "flips_per_mac": point.flips_per_mac,
        "cycles_per_image": float(result.cycles.mean()),
        "cycles_predicted": float(result.predicted_cycles.mean()),
        "mismatches": result.mismatched,
        "toggles": {
            name: {"predicted": result.predicted[name], "counted": counted}
            for name, counted in result.counted.items()
        },
    }


def _total(results: list[PointResult]) -> dict[str, dict[str, int]]:
    return {
        name: {
            "predicted": sum(result.predicted[name] for result in results),
            "counted": sum(result.counted[name] for result in results),
        }
        for name in results[0].counted
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points, toggles, images = result["points"], result["toggles"], result["images"]
    accuracy = result["float_accuracy"]
    assert isinstance(points, list) and isinstance(toggles, dict)
    assert isinstance(images, int) and isinstance(accuracy, float)
    table(
        f"Digits, {images} test images; float accuracy {100 * accuracy:.2f} %",
        (
            "budget",
            "terms",
            "bx",
            "R",
            "flips/MAC",
            "accuracy %",
            "agreement %",
            "cycles",
            "mismatches",
        ),
        [
            (
                point["budget"],
                point["encoding"],
                point["bx"],
                f"{point['R']:.2f}",
                f"{point['flips_per_mac']:.2f}",
                f"{100 * point['accuracy']:.2f}",
                f"{100 * point['agreement']:.2f}",
                f"{point['cycles_per_image']:.0f}",
                point["mismatches"],
            )
            for point in points
        ],
    )
    table(
        "Flips per image, mean of all points",
        ("class", "predicted", "counted", "error"),
        flip_rows(toggles, images * len(points)),
    )
    first = result["first"]
    assert isinstance(first, list)
    for line in first:
        print(line)
    print(
        f"{result['mismatches']} mismatches in {result['compared']} outputs of all layers, "
        f"interpreter and Verilator against PyTorch"
    )
    print(
        f"{result['seconds']:.0f} s, of which {result['simulation_seconds']:.0f} s simulating "
        f"and comparing"
    )
    print(f"Verilog: {result['verilog']}")
