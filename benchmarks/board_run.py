"""Networks on simulated boards, over links of several rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import digits_perceptron
from benchmarks.clock import Clock
from benchmarks.mlp_run import configuration, perceptron
from boards.catalogue import find_board
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.link.config import LinkConfig
from pann_hw.link.driver import open_board
from pann_hw.machine.sizing import fit_points
from pann_hw.network.digits import digits_data, train_digits
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.quantise.recipe import FULL
from pann_hw.quantise.search import best, search
from pann_hw.report.board import run_on_board
from sim.board import build_board, simulated_board

__all__ = ["NETWORKS", "Case", "Point", "Task", "measure"]

_CLOCK = 12_000_000

_BUDGETS = ("8bit", "4bit", "2bit")
_SMALL_BUDGETS = (8.0, 6.0, 4.0)
"""Flips a multiply-accumulate, for weights and activations of few bits."""

_CALIBRATION = 512
_BITS_OF_A_BYTE = 10
"""On the line."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a board has to do.

    Attributes
    ----------
    deployment : of all operating points
    images : (n, ...), which run at each
    clock : of the board, Hz
    """

    deployment: Deployment
    images: np.ndarray
    clock: int


@dataclass(frozen=True)
class Point:
    """An operating point on a board.

    Attributes
    ----------
    images, mismatches : that it ran, and outputs that are not the integer network's
    cycles, computing : of an image, from the end of the one before; counted, and predicted for
        streams that never wait
    """

    images: int
    mismatches: int
    cycles: float
    computing: float


@dataclass(frozen=True)
class Case:
    """A network on a board, all operating points in one connection.

    Attributes
    ----------
    clock : of the board, Hz
    baud : of the link
    points : in their order
    sent, received : bytes for an inference
    link_share : part of the time in which the accelerator waited for the link, 0..1
    load_seconds, seconds : on the clock of this machine, loading and running
    disturbed : frames and reports that were damaged, and timeouts
    """

    network: str
    clock: int
    baud: int
    points: list[Point]
    sent: float
    received: float
    link_share: float
    load_seconds: float
    seconds: float
    disturbed: int

    @property
    def inferences(self) -> int:
        """Of all points."""
        return sum(point.images for point in self.points)

    @property
    def mismatches(self) -> int:
        """Of all points."""
        return sum(point.mismatches for point in self.points)

    @property
    def cycles(self) -> float:
        """Of an inference, the mean."""
        return sum(point.cycles * point.images for point in self.points) / self.inferences

    @property
    def computing(self) -> float:
        """What of them the accelerator computes, the mean."""
        return sum(point.computing * point.images for point in self.points) / self.inferences

    @property
    def bound(self) -> float:
        """The fewest cycles that there can be: of computing, or of the bytes on the line."""
        return max(
            self.computing, max(self.sent, self.received) * _BITS_OF_A_BYTE * self.clock / self.baud
        )

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **asdict(self),
            "inferences": self.inferences,
            "mismatches": self.mismatches,
            "cycles": self.cycles,
            "computing": self.computing,
            "bound": self.bound,
        }


def _digits() -> Task:
    """The demonstration's network at three budgets, and its test images."""
    config = AcceleratorConfig()
    networks, x = _quantised(train_digits(0), _BUDGETS, max_shift=config.shift)
    return Task(deploy(networks, ["csd"] * len(networks), config), x, _CLOCK)


def _icebreaker() -> Task:
    """A perceptron on the digits at three budgets, its test images, and iCEBreaker's accelerator
    with what memory the programs need."""
    board = find_board("icebreaker")
    widths = range(2, board.config.operand_width + 1)
    networks, x = _quantised(
        digits_perceptron.factory(), _SMALL_BUDGETS,
        recipe=FULL, widths=widths, input_widths=widths,
    )  # fmt: skip
    config = fit_points(networks, "csd", board.config)
    return Task(deploy(networks, ["csd"] * len(networks), config), x, board.clock)


def _quantised(
    module: nn.Module, budgets: Sequence[str | float], **options: Any
) -> tuple[list[IntegerNetwork], np.ndarray]:
    """A network of the digits at each budget, with options of ``search``, and the test images."""
    train, test = digits_data()
    graph = import_module(module, torch.from_numpy(test.x[:2]))
    x = train.x[:_CALIBRATION]
    y = None if train.y is None else train.y[:_CALIBRATION]
    return [best(search(graph, x, y, budget, **options)).network for budget in budgets], test.x


def _perceptron() -> Task:
    """The perceptron of 4 bits, two elements in a byte of the input, and random inputs."""
    config = dataclasses.replace(configuration(1), input_elements=2)
    network = perceptron()
    x = np.random.default_rng(1).integers(0, 16, (400, *network.input.shape))
    return Task(deploy([network], ["csd"], config), x.astype(np.float32), _CLOCK)


NETWORKS: dict[str, Callable[[], Task]] = {
    "digits": _digits,
    "icebreaker": _icebreaker,
    "perceptron": _perceptron,
}
"""Name of each network -> what makes its task."""


def measure(name: str, bauds: list[int], images: int | None, clock: Clock) -> list[Case]:
    """Run a network's images at all its operating points on a board for each baud rate.

    Parameters
    ----------
    images : the first so many; all where left out
    """
    task = clock(f"{name}: prepare", NETWORKS[name])
    return [_case(name, baud, task, task.images[:images], clock) for baud in bauds]


def _case(name: str, baud: int, task: Task, x: np.ndarray, clock: Clock) -> Case:
    deployment = task.deployment
    link = LinkConfig.of_baud(task.clock, baud)
    what = f"{name}, {baud} baud"
    clock(f"{what}: build", build_board, deployment.config, link)
    with (
        simulated_board(deployment.config, link) as board,
        open_board(board.port, deployment.config, baud) as driver,
    ):
        clock(f"{what}: load", driver.load, deployment.image)
        load_seconds = clock.steps[-1].seconds
        runs = clock(f"{what}: run", run_on_board, driver, deployment, x)
        counters = driver.counters
    points = [
        Point(
            len(one.images),
            one.mismatch.count if one.mismatch else 0,
            float(one.cycles.mean()),
            float(one.predicted_cycles.mean()),
        )
        for one in runs.points.values()
    ]
    total = sum(point.images for point in points)
    return Case(
        name,
        task.clock,
        link.baud,
        points,
        runs.bytes_sent / total,
        runs.bytes_received / total,
        runs.link_share,
        load_seconds,
        runs.seconds,
        counters.refused + counters.damaged + counters.timeouts,
    )
