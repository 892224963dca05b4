"""A small network to size hardware for, and an estimator that takes no time."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pann_hw.machine.machine import Machine
from pann_hw.network.graph import FloatGraph
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import Deployment
from pann_hw.quantise.recipe import PLAIN
from pann_hw.sizing.cost import Cost, Part
from pann_hw.sizing.goal import Goal
from pann_hw.sizing.points import Points

FACTORY = """
import torch
from torch import nn

def make():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(64, 3))
"""
"""A network as the command line takes it."""


def images(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Noise of the network's input shape, and classes."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, count)


def small_graph() -> FloatGraph:
    """The network of FACTORY."""
    names: dict[str, object] = {}
    exec(FACTORY, names)
    make = names["make"]
    assert callable(make)
    module = make()
    assert isinstance(module, nn.Module)
    return import_module(module.eval(), torch.from_numpy(images()[0][:2]))


def small_points() -> Points:
    """Its operating points, each made in fractions of a second."""
    x, y = images()
    return Points(small_graph(), x, y, PLAIN, 3)


def estimate(deployment: Deployment, clock: float) -> Cost:
    """1 pJ for a bundle of terms in a lane and core, 10 pJ a cycle, 2 pJ for each term read."""
    del clock
    program, config = deployment.programs[0], deployment.config
    cycles = Machine(deployment.image).run(0, []).cycles
    added = sum(len(bundles) for one in program.passes for bundles in one.bundles)
    width = 4 if config.multiplies else 1
    return Cost(
        {
            "lanes": Part(1000.0 * added * 36 * width, 0.2 * config.lanes * config.cores),
            "term stream": Part(500.0 * cycles * config.cores, 0.1 * config.cores),
            "control": Part(10_000.0 * cycles, 10.0),
        },
        {"array.term_memory_0": Part(2000.0 * added, 1.0)},
        100.0 * config.lanes * config.cores,
        None,
    )


def goal(microwatts: float, *, fps: float = 1000.0, memories: bool = True) -> Goal:
    """A budget of power, with a clock of up to 50 MHz."""
    return Goal(microwatts * 1e-6, "W", fps, 50e6, memories)
