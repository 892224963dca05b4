"""Small problems for the tests of sweeps, and Dask clusters inside this process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from distributed import LocalCluster

from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.recipe import PLAIN, Recipe
from pann_hw.sweep.point import Figures, Outcome, Point
from pann_hw.sweep.problem import Problem
from pann_hw.sweep.sweep import Sweep
from tests.quantise_graphs import Draft, images

__all__ = ["cluster_here", "invented_sweep", "same", "small_graph", "small_problem"]


def small_graph() -> FloatGraph:
    """Two convolutions and a linear layer of five classes."""
    d = Draft()
    d.linear(d.relu(d.convolution(d.relu(d.convolution("x", 4)), 6, 3, 2)), 5)
    return d.graph()


def small_problem(recipe: Recipe = PLAIN, *, labels: bool = True) -> Problem:
    """Half of the labels are the float network's classes."""
    problem = Problem(small_graph(), images(24), Data(images(32, seed=2)), recipe, 3)
    y = np.where(np.arange(32) < 16, problem.wanted.argmax(1), 0)
    return replace(problem, test=Data(problem.test.x, y)) if labels else problem


@contextmanager
def cluster_here(workers: int = 2) -> Iterator[str]:
    """The address of a scheduler whose workers are threads of this process."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
        dashboard_address="127.0.0.1:0", silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def invented_sweep(metric: str = "accuracy", *, widths: bool = False) -> Sweep:
    """Points whose figures are invented: csd is better than unary, more flips are better."""
    outcomes = [Outcome(Point("unary", 1.0, None), None, 1.25), Outcome(Point("csd", 1.0, 8), None)]
    for better, encoding in enumerate(("unary", "csd")):
        for budget in (5.0, 10.0, 16.5):
            for bits in range(2, 9) if widths else (None,):
                loss = 1 / budget / (2 + better) * (1 + abs((bits or 5) - 5))
                point = Point(encoding, budget, bits)
                outcomes.append(Outcome(point, _figures(bits or 4.5, budget, loss)))
    outcomes += [
        Outcome(Point("mac-signed", None, bits), _figures(bits, 8.0 * bits, 1 / bits**2))
        for bits in range(2, 9)
    ]
    return Sweep(
        network="net.pt2",
        data="train.npz",
        test="test.npz",
        images=512,
        test_images=1000,
        recipe=PLAIN,
        max_shift=3,
        encodings=("unary", "csd", "mac-signed"),
        budgets=(1.0, 5.0, 10.0, 16.5),
        metric=metric,
        float_accuracy=0.93,
        outcomes=tuple(outcomes),
    )


def _figures(bx: float, flips_per_mac: float, loss: float) -> Figures:
    rate = round(0.93 * (1 - min(loss, 0.9)), 3)
    return Figures(bx, 2.0, flips_per_mac, 1e5 * flips_per_mac, rate, rate + 0.05, loss, 0.5)


def same(
    one: tuple[Outcome, IntegerNetwork | None], other: tuple[Outcome, IntegerNetwork | None]
) -> bool:
    """Whether two points came out the same to the bit, but for the time that they took."""
    timeless = [
        replace(outcome, figures=outcome.figures and replace(outcome.figures, seconds=0.0))
        for outcome, _ in (one, other)
    ]
    networks = [network and pickle.dumps(network) for _, network in (one, other)]
    return timeless[0] == timeless[1] and networks[0] == networks[1]
