"""Five operating points of one network on one accelerator: flips, cycles, accuracy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from benchmarks.columns import post_training
from benchmarks.networks import Network
from benchmarks.resnet20_run import LARGEST, fitted
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.quantise.budget import flips_per_mac, mean_additions, mean_bits
from pann_hw.quantise.evaluate import outputs
from pann_hw.quantise.quality import Quality, float_outputs, quality
from pann_hw.report.operating_points import PointRun, predict_flips, run_schedule
from pann_hw.report.verify import difference
from sim.harness import build

__all__ = ["BASE", "BUDGETS", "OperatingPoint", "Result", "measure"]

BUDGETS = tuple(f"{bits}bit" for bits in (8, 6, 4, 3, 2))
"""Of the operating points, in their order: each is to flip less than the one before."""

BASE = replace(LARGEST, banks=4, terms_per_rail=2)
"""Two terms per rail: a core's memory then holds all five programs."""


@dataclass(frozen=True)
class OperatingPoint:
    """What one operating point did; lists are by image.

    Attributes
    ----------
    budget : as pann-hw takes it
    bits, additions, flips_per_mac : bx and R as reached, means over MACs; by formula
    quality : of the integer network over all test images
    right : simulated images whose class in the RTL is their label
    mismatch : where outputs of the RTL first differ from the integer network's; None: nowhere
    cycles_predicted, cycles_counted : of the program, of the RTL
    flips_predicted, flips_counted : signal class -> flips
    """

    budget: str
    bits: float
    additions: float
    flips_per_mac: float
    quality: Quality
    right: int
    mismatch: str | None
    cycles_predicted: list[int]
    cycles_counted: list[int]
    flips_predicted: dict[str, list[int]]
    flips_counted: dict[str, list[int]]

    @property
    def flips(self) -> np.ndarray:
        """Counted flips of all classes together: int64 (images,)."""
        flips: np.ndarray = np.sum(list(self.flips_counted.values()), axis=0)
        return flips


@dataclass(frozen=True)
class Result:
    """All points.

    Attributes
    ----------
    network, macs : its title, its multiply-accumulates
    config : of the one netlist
    test_images : that accuracy is over
    float_accuracy : of the float network over them
    images : simulated at each point, the first of them
    points : in the order of BUDGETS
    seconds : step -> on the clock
    """

    network: str
    macs: int
    config: AcceleratorConfig
    test_images: int
    float_accuracy: float
    images: int
    points: tuple[OperatingPoint, ...]
    seconds: dict[str, float]

    @property
    def faults(self) -> list[str]:
        """What is not as it must be, a line each."""
        found = [f"{p.budget}: outputs: {p.mismatch}" for p in self.points if p.mismatch]
        for point in self.points:
            pairs = {"cycles": (point.cycles_predicted, point.cycles_counted)}
            for name, counted in point.flips_counted.items():
                pairs[f"flips of class {name}"] = (point.flips_predicted[name], counted)
            for what, (predicted, counted) in pairs.items():
                wrong = [i for i in range(self.images) if predicted[i] != counted[i]]
                if wrong:
                    found.append(
                        f"{point.budget}: {what}: {len(wrong)} of {self.images} images differ; "
                        f"first image {wrong[0]}: predicted {predicted[wrong[0]]}, counted "
                        f"{counted[wrong[0]]}"
                    )
        for above, below in pairwise(self.points):
            for image in np.flatnonzero(below.flips >= above.flips)[:1]:
                found.append(
                    f"{below.budget}: flips do not fall: image {image} has {below.flips[image]}, "
                    f"{above.flips[image]} at {above.budget}"
                )
        return found

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "faults": self.faults}


def measure(network: Network, folder: Path, images: int, base: AcceleratorConfig = BASE) -> Result:
    """Quantise for every budget, load all programs at once, and run the first test images.

    Each image runs at all points, one after the other, before the next image does: one simulation,
    in which a register write selects the point of each inference.

    Parameters
    ----------
    images : at each point
    base : the accelerator, with memories for all points; accumulators are fitted
    """
    clock = Clock()
    graph, test = network.graph(folder), network.test(folder)
    calibration = network.calibration(folder)
    assert test.y is not None
    wanted = clock("float network", float_outputs, graph, test.x)
    columns = [post_training(budget, "csd", "full") for budget in BUDGETS]
    networks = [
        clock(f"quantise {budget}", column.quantise, graph, calibration, None)
        for budget, column in zip(BUDGETS, columns, strict=True)
    ]
    encodings = ["csd"] * len(networks)
    width = clock("fit accumulators", fitted, networks, encodings, base).accumulator_width
    config = replace(base, accumulator_width=width)
    deployment = clock("compile", deploy, networks, encodings, config)
    clock("build the simulator", build, config)
    runs, predicted = _run(clock, deployment, test.x[:images])
    qualities = [clock("test images", quality, n, test.x, test.y, wanted) for n in networks]
    points = [
        _point(*parts, test.first(images), config.shift)
        for parts in zip(BUDGETS, networks, qualities, runs, predicted, strict=True)
    ]
    return Result(
        network.title,
        networks[0].macs,
        config,
        len(test),
        float((wanted.argmax(1) == test.y).mean()),
        len(runs[0].images),
        tuple(points),
        {step.name: step.seconds for step in clock.steps},
    )


def _run(
    clock: Clock, deployment: Deployment, x: np.ndarray
) -> tuple[list[PointRun], list[dict[str, np.ndarray]]]:
    """Every image at every point: as counted, and predicted flips."""
    schedule = list(range(len(deployment.programs)))
    repeated = np.repeat(x, len(schedule), axis=0)
    runs = clock("simulate", run_schedule, deployment, repeated, schedule, toggles=True)
    return runs, clock("predict flips", predict_flips, deployment, repeated, schedule)


def _point(
    budget: str,
    network: IntegerNetwork,
    found: Quality,
    run: PointRun,
    predicted: dict[str, np.ndarray],
    data: Data,
    max_shift: int,
) -> OperatingPoint:
    assert run.flips is not None
    shape = (len(data), *network.layers[-1].output.shape)
    name = network.layers[-1].output.name
    expected = outputs(network, data.x).reshape(shape)
    mismatch = difference("rtl", name, expected, run.outputs.reshape(shape))
    return OperatingPoint(
        budget=budget,
        bits=mean_bits(network),
        additions=mean_additions(network),
        flips_per_mac=flips_per_mac(network, max_shift),
        quality=found,
        right=int((run.outputs.argmax(1) == data.y).sum()),
        mismatch=None if mismatch is None else str(mismatch),
        cycles_predicted=run.predicted_cycles.tolist(),
        cycles_counted=run.cycles.tolist(),
        flips_predicted=_lists(predicted),
        flips_counted=_lists(run.flips),
    )


def _lists(flips: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: counts.tolist() for name, counts in flips.items()}
