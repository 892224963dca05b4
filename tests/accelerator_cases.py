"""Small networks as programs, inputs and outputs, for benches of whole accelerators."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.machine.machine import Machine
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.program import Program
from pann_hw.program.stores import output_map

__all__ = ["Maker", "one_alone", "pointwise", "residual", "save_cases", "strided"]

Shape = tuple[int, int, int]

_INFERENCES = 4


class Maker:
    """Layers with random integers of a given size."""

    def __init__(self, rng: np.random.Generator, bits: int, size: float) -> None:
        self._rng, self._bits, self._size = rng, bits, size

    def source(self, tensor: str, shape: tuple[int, ...], **options: object) -> Source:
        weights = np.rint(self._rng.laplace(0, self._size, shape)).astype(np.int64)
        return Source(tensor, weights, **options)  # type: ignore[arg-type]

    def layer(self, name: str, shape: Shape, *sources: Source, raw: bool = False) -> Accumulate:
        channels = shape[0]
        scales = tuple(Scale.nearest(0.02 * (1 + c / 3)) for c in range(channels))
        bias = self._rng.integers(-60, 200, channels)
        output = Tensor(name, shape, self._bits, zero_point=0 if raw else 1)
        return Accumulate(output, sources, bias, None if raw else scales, 2**self._bits - 1)


def residual(make: Maker) -> IntegerNetwork:
    """3 x 3 kernels, depthwise, a residual addition, max pooling; channels that no C divides."""
    return IntegerNetwork(
        Tensor("x", (2, 5, 6), 8, zero_point=9),
        (
            make.layer("a", (3, 5, 6), make.source("x", (3, 2, 3, 3), padding=(1, 1))),
            make.layer(
                "b",
                (3, 5, 6),
                make.source("a", (3, 1, 3, 3), padding=(1, 1), groups=3),
                Source("a", np.full((3, 1, 1, 1), 2), groups=3, learned=False),
            ),
            MaxPool(Tensor("p", (3, 2, 3), 8), "b", (2, 2), (2, 2)),
            make.layer("o", (4, 1, 1), make.source("p", (4, 3, 2, 3)), raw=True),
        ),
    )


def strided(make: Maker) -> IntegerNetwork:
    """A 5 x 5 kernel with stride 2, and an output of rows that N does not divide."""
    return IntegerNetwork(
        Tensor("x", (1, 9, 9), 8, zero_point=128),
        (
            make.layer(
                "a", (2, 5, 5), make.source("x", (2, 1, 5, 5), stride=(2, 2), padding=(2, 2))
            ),
            make.layer("o", (3, 5, 5), make.source("a", (3, 2, 1, 1)), raw=True),
        ),
    )


def pointwise(make: Maker) -> IntegerNetwork:
    """A single layer, done within a hundred cycles or so."""
    return IntegerNetwork(
        Tensor("x", (3, 2, 3), 8, zero_point=5),
        (make.layer("o", (2, 2, 3), make.source("x", (2, 3, 1, 1)), raw=True),),
    )


def one_alone(make: Maker) -> IntegerNetwork:
    """Three outputs, of which with two cores the last comes by itself."""
    return IntegerNetwork(
        Tensor("x", (3, 2, 3), 8, zero_point=5),
        (make.layer("o", (3, 1, 1), make.source("x", (3, 3, 2, 3)), raw=True),),
    )


def _cases(
    programs: list[list[tuple[IntegerNetwork, Program]]], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """What benches run and expect."""
    arrays: dict[str, np.ndarray] = {}
    for number, points in enumerate(programs):
        image = link([program for _, program in points])
        machine = Machine(image)
        arrays[f"stream{number}"] = image.stream()
        for point, (network, program) in enumerate(points):
            x = rng.integers(0, 256, (_INFERENCES, *network.input.shape))
            result = run(network, x)[network.layers[-1].output.name].numpy()
            key = f"{number}_{point}"
            arrays[f"inputs{key}"] = x.reshape(_INFERENCES, -1)
            channel, row, column = np.array(output_map(program)).T
            arrays[f"outputs{key}"] = result[:, channel, row, column]
            arrays[f"cycles{key}"] = np.array(machine.run(point).cycles)
    return arrays


def save_cases(
    path: Path,
    config: AcceleratorConfig,
    programs: list[list[tuple[IntegerNetwork, str]]],
    rng: np.random.Generator,
) -> Path:
    """Write the file that `sim.benches.cases` reads: programs, each with networks and encodings of
    its operating points. Returns its path."""
    compiled = [
        [(network, compile_network(network, config, encoding)) for network, encoding in points]
        for points in programs
    ]
    np.savez(path, **_cases(compiled, rng))  # type: ignore[arg-type]
    return path
