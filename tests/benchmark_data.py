"""A made-up data folder in the format of the real one, made-up cells and operating points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from benchmarks.cell import Cell
from benchmarks.datasets import CIFAR10, KEYWORDS, MNIST, PARTS
from benchmarks.networks import NETWORKS, Network
from benchmarks.operating_points_run import BASE, BUDGETS, OperatingPoint, Result
from pann_hw.machine.flips import CLASSES
from pann_hw.network.data import Data
from pann_hw.quantise.quality import Quality
from tests.onnx_graphs import Sketch

__all__ = [
    "CELL",
    "RESULT",
    "SHAPES",
    "cells_of",
    "made_up_folder",
    "save_network",
    "small_network",
]

SHAPES = {
    "resnet8": (3, 32, 32),
    "resnet20": (3, 32, 32),
    "dscnn": (1, 49, 10),
    "autoencoder": (640,),
    "mnist_cnn": (1, 28, 28),
}
"""What each network takes."""

CELL = Cell(
    network="resnet8",
    column="2bit-csd",
    decided_by={"files": {"a.onnx": "12"}, "calibration": 512, "settings": {"budget": "2bit"}},
    code="34",
    calibrated=512,
    tested=1017,
    float_accuracy=0.88,
    quality=Quality(0.875, 0.9715, 0.0072),
    bits=5.69,
    additions=3.27,
    flips_per_mac=9.998,
    import_seconds=0.1,
    seconds=11.25,
    cpu_seconds=10.5,
    peak_megabytes=871,
)


def _operating_point(number: int) -> OperatingPoint:
    """Of two images: a fifth less of everything than at the point before, but for accuracy."""
    cycles = [round(50000 * 0.8**number)] * 2
    flips = {
        name: [round(scale * 1e6 * 0.8**number), round(scale * 1.1e6 * 0.8**number)]
        for scale, name in enumerate(CLASSES, 1)
    }
    return OperatingPoint(
        budget=BUDGETS[number],
        bits=8 - number,
        additions=8 - number,
        flips_per_mac=64 * 0.8**number,
        quality=Quality(0.9 - 0.01 * number, 0.99 - 0.01 * number, 0.01),
        right=2,
        mismatch=None,
        cycles_predicted=cycles,
        cycles_counted=cycles,
        flips_predicted=flips,
        flips_counted=flips,
    )


RESULT = Result(
    network="ResNet-8",
    macs=12501632,
    config=BASE,
    test_images=1017,
    float_accuracy=0.88,
    images=2,
    points=tuple(_operating_point(number) for number in range(len(BUDGETS))),
    seconds={"simulate": 12.5},
)


def cells_of(names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Cell]:
    """The cell above for every pair of network and column."""
    return {
        (network, column): replace(CELL, network=network, column=column)
        for network, column in names
    }


def made_up_folder(folder: Path, rng: np.random.Generator, photographs: int = 40) -> Path:
    """Small data with classes that pixels tell, and a small network in each network's place.

    Parameters
    ----------
    photographs : to train with
    """
    for file, shape, train in ((CIFAR10, (32, 32, 3), photographs), (MNIST, (28, 28), 40)):
        (x, y), (test_x, test_y) = (_pictures(count, shape, rng) for count in (train, 30))
        np.savez(folder / file, train_x=x, train_y=y, test_x=test_x, test_y=test_y)
    x = rng.integers(-128, 128, (60, 49, 10)).astype(np.int8)
    np.savez(folder / KEYWORDS, x=x, y=rng.permutation(np.arange(60, dtype=np.uint8) % 12))
    for name, taken in SHAPES.items():
        save_network(folder / NETWORKS[name].file, taken, rng)
    return folder


def _pictures(
    count: int, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    y = rng.permutation(np.arange(count, dtype=np.uint8) % 10)
    x = rng.integers(0, 8, (count, *shape)) + y.reshape(-1, *(1,) * len(shape)) * 24
    return x.astype(np.uint8), y


def small_network(folder: Path, name: str, rng: np.random.Generator) -> Network:
    """The network of that name with a small one of eight by eight pixels in its place."""
    pictures = dict(zip(PARTS, (_pictures(40, (1, 8, 8), rng) for _ in PARTS), strict=True))

    def load(_folder: Path, part: str, count: int | None = None) -> Data:
        x, y = pictures[part]
        return Data(x.astype(np.float32), y.astype(np.int64)).first(count)

    save_network(folder / NETWORKS[name].file, (1, 8, 8), rng)
    return replace(NETWORKS[name], load=load)


def save_network(path: Path, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """A convolution where there is a map, a hidden layer, and as many outputs as fit the task."""
    sketch = Sketch((1, *shape), rng=rng)
    value, features = "x", shape[0]
    if len(shape) == 3:
        weight = sketch.floats(4, shape[0], 3, 3, scale=0.2)
        value = sketch("Relu", sketch("Conv", value, weight, sketch.floats(4), strides=[4, 4]))
        features = 4 * ((shape[1] - 3) // 4 + 1) * ((shape[2] - 3) // 4 + 1)
        value = sketch("Flatten", value)
    hidden = sketch("Gemm", value, sketch.floats(features, 8, scale=features**-0.5))
    outputs = {(640,): 640, SHAPES["dscnn"]: 12}.get(shape, 10)
    sketch("Gemm", sketch("Relu", hidden), sketch.floats(8, outputs), sketch.floats(outputs))
    onnx.save(sketch.model(), path)
