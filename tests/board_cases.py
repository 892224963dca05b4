"""What tests of boards run: a small accelerator, a network of three operating points, images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.program.deployment import Deployment, deploy, save_deployment

__all__ = [
    "BOARD",
    "OTHER",
    "REGISTERED",
    "expected_outputs",
    "images",
    "save_case",
    "small_deployment",
]

BOARD = AcceleratorConfig(
    lanes=4, cores=2, activation_words=256, term_words=1024, descriptor_words=512
)
"""The accelerator of the simulated boards of all tests: one build serves them."""

REGISTERED = replace(BOARD, register_stages=1)
"""The same with register stages."""

OTHER = AcceleratorConfig(
    lanes=8, cores=2, activation_words=256, term_words=1024, descriptor_words=512
)

SHAPE = (2, 6, 6)
IMAGES = 12


def small_deployment(config: AcceleratorConfig = BOARD, seed: int = 5) -> Deployment:
    """A convolution, max pooling and a linear layer with random weights, larger and smaller."""
    rng = np.random.default_rng(seed)
    sizes = (3.0, 1.5, 0.7)
    return deploy([_network(rng, size) for size in sizes], ["csd"] * len(sizes), config)


def _network(rng: np.random.Generator, size: float) -> IntegerNetwork:
    def weights(*shape: int) -> np.ndarray:
        return np.rint(rng.laplace(0, size, shape)).astype(np.int64)

    return IntegerNetwork(
        Tensor("x", SHAPE, 8, scale=1.0, zero_point=0),
        (
            Accumulate(
                Tensor("a", (3, 6, 6), 8),
                (Source("x", weights(3, 2, 3, 3), padding=(1, 1)),),
                rng.integers(-60, 200, 3),
                tuple(Scale.nearest(0.02 * (1 + channel / 3)) for channel in range(3)),
                255,
            ),
            MaxPool(Tensor("p", (3, 3, 3), 8), "a", (2, 2), (2, 2)),
            Accumulate(
                Tensor("o", (5, 1, 1), 8),
                (Source("p", weights(5, 3, 3, 3)),),
                rng.integers(-60, 200, 5),
                None,
                255,
            ),
        ),
    )


def images(rng: np.random.Generator, count: int = IMAGES) -> np.ndarray:
    """Integers that the networks take as they are."""
    values: np.ndarray = rng.integers(0, 256, (count, *SHAPE)).astype(np.float32)
    return values


def expected_outputs(deployment: Deployment, point: int, x: np.ndarray) -> np.ndarray:
    """What the integer network gives for integers x (n, C, H, W): (n, outputs)."""
    result: np.ndarray = run(deployment.networks[point], x)["o"].numpy()
    return result.reshape(len(x), -1)


def save_case(folder: Path, config: AcceleratorConfig = BOARD) -> tuple[str, str]:
    """A program and a data file, for commands."""
    save_deployment(small_deployment(config), folder / "program.pann")
    x = images(np.random.default_rng(8))
    np.savez(folder / "data.npz", x=x, y=np.arange(len(x)) % 5)
    return str(folder / "program.pann"), str(folder / "data.npz")
