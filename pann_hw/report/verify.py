"""Runs a deployment on all levels and compares them: PyTorch, interpreter, RTL in Verilator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch

from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.cycles import CyclePredictor
from pann_hw.machine.flips import FlipPredictor
from pann_hw.machine.interpret import execute
from pann_hw.program.deployment import Deployment
from pann_hw.program.program import Program
from pann_hw.program.stores import network_order, store_map
from sim.harness import SimulationResult, build, simulate

__all__ = ["Mismatch", "PointResult", "difference", "network_order", "verify"]

_CHUNK = 64
"""Images per simulator run: two runs go side by side, and memory stays small."""


@dataclass(frozen=True)
class Mismatch:
    """Where a level first differs from PyTorch, in one layer.

    Attributes
    ----------
    level : "interpreter" or "rtl"
    layer : its name; image, channel, row, column : the first element that differs
    expected, found : its values
    count, total : elements of the layer that differ, in this run of images, of how many
    """

    level: str
    layer: str
    image: int
    channel: int
    row: int
    column: int
    expected: int
    found: int
    count: int
    total: int

    def __str__(self) -> str:
        return (
            f"{self.level}: layer {self.layer!r}: {self.count} of {self.total} elements differ; "
            f"first in image {self.image} at channel {self.channel}, row {self.row}, column "
            f"{self.column}: expected {self.expected}, found {self.found}"
        )


@dataclass(eq=False)
class PointResult:
    """One operating point over all images.

    Attributes
    ----------
    classes : int64 (images,), from the RTL's outputs
    outputs : int64 (images, C * H * W), the RTL's outputs in the network's order
    compared : elements compared, per level
    mismatched : elements that differ, both levels together
    mismatches : the first of each layer and level
    cycles, predicted_cycles : int64 (images,), of the RTL, and predicted
    predicted, counted : flips by class, of all images together
    """

    outputs: np.ndarray
    predicted_cycles: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    cycles: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    compared: int = 0
    mismatched: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    predicted: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def classes(self) -> np.ndarray:
        """The largest output of each image."""
        classes: np.ndarray = self.outputs.argmax(1)
        return classes


def verify(
    deployment: Deployment,
    x: np.ndarray,
    *,
    levels: bool = True,
    toggles: bool = False,
    progress: Callable[[], None] | None = None,
) -> list[PointResult]:
    """Run float inputs x (n, C, H, W) through every operating point of a deployment.

    Parameters
    ----------
    levels : compare every output of every layer, of interpreter and RTL, with PyTorch
    toggles : count toggles in the RTL; with ``levels``, predict them as well
    progress : called after every simulated inference

    Raises
    ------
    MismatchError : the accelerator hangs or reports an error
    ToolError : a tool is missing or fails
    """
    build(deployment.config)
    cycles = CyclePredictor(deployment.image)
    starts = range(0, len(x), _CHUNK)
    with ThreadPoolExecutor(2) as pool:
        chunks = pool.map(
            lambda start: _run_chunk(
                deployment, x[start : start + _CHUNK], start, levels, toggles, cycles, progress
            ),
            starts,
        )
        parts = list(chunks)
    return [_joined([part[point] for part in parts]) for point in range(len(deployment.programs))]


def _run_chunk(
    deployment: Deployment,
    x: np.ndarray,
    first_image: int,
    levels: bool,
    toggles: bool,
    cycles: CyclePredictor,
    progress: Callable[[], None] | None,
) -> list[PointResult]:
    points, count = len(deployment.programs), len(x)
    inputs = [quantise_input(network, x) for network in deployment.networks]
    result = simulate(
        deployment.image,
        np.concatenate([values.reshape(count, -1) for values in inputs]).astype(np.uint8),
        np.repeat(np.arange(points), count),
        int(np.prod(deployment.programs[0].output_shape)),
        stores=levels,
        toggles=toggles,
        progress=progress,
    )
    predictor = FlipPredictor(deployment.image) if levels and toggles else None
    found = []
    position = 0
    for point, (program, network) in enumerate(
        zip(deployment.programs, deployment.networks, strict=True)
    ):
        images = slice(point * count, (point + 1) * count)
        part = PointResult(network_order(program, result.outputs[images]))
        part.cycles = result.cycles[images]
        if result.toggles is not None:
            part.counted = {key: int(flips[images].sum()) for key, flips in result.toggles.items()}
        if levels:
            if predictor is None:
                executed = execute(program, inputs[point])
                words = [executed.words_of(image) for image in range(count)]
                schedules = cycles.schedules(point, words)
                part.predicted_cycles = np.array([schedule.cycles for schedule in schedules])
            else:
                executed = predictor.execute(program, point, inputs[point])
                part.predicted = {key: int(flips.sum()) for key, flips in predictor.flips.items()}
                part.predicted_cycles = predictor.cycles
            stores = executed.stores.shape[1] * count
            stored = _stored(result, position, stores, executed.stores.shape)
            position += stores
            levels_found = {
                "interpreter": (executed.stores, executed.outputs),
                "rtl": (stored, result.outputs[images]),
            }
            expected = run(network, inputs[point])
            _compare(part, program, network, expected, levels_found, first_image)
        found.append(part)
    return found


def _stored(
    result: SimulationResult, position: int, words: int, shape: tuple[int, ...]
) -> np.ndarray:
    assert result.stores is not None
    return result.stores["word"][position : position + words].reshape(shape)


def difference(
    level: str, layer: str, expected: np.ndarray, found: np.ndarray, first_image: int = 0
) -> Mismatch | None:
    """Where values (n, C, H, W) of a layer first differ, and in how many elements; None: nowhere.

    Parameters
    ----------
    level, layer : what ``found`` is of
    first_image : number of the first of the n images
    """
    differing = np.argwhere(expected != found)
    if not len(differing):
        return None
    image, channel, row, column = (int(value) for value in differing[0])
    place = (image, channel, row, column)
    return Mismatch(
        level,
        layer,
        first_image + image,
        channel,
        row,
        column,
        int(expected[place]),
        int(found[place]),
        len(differing),
        expected.size,
    )


def _compare(
    part: PointResult,
    program: Program,
    network: IntegerNetwork,
    expected: Mapping[str, torch.Tensor],
    levels: dict[str, tuple[np.ndarray, np.ndarray]],
    first_image: int,
) -> None:
    """Compare every stored element and every output of each level with PyTorch's."""
    # Of every pixel: layer, word, channel, lane, row, column.
    pixels = np.array([
        (layer, word, channel, lane, row, column)
        for word, (layer, values) in enumerate(store_map(program))
        for lane, channel, row, column in values
    ]).reshape(-1, 6)  # fmt: skip
    for level, (stores, outputs) in levels.items():
        for index, name in enumerate(program.layer_names):
            reference = expected[name].numpy()
            if index == len(program.layer_names) - 1:
                found = network_order(program, outputs).reshape(reference.shape)
            else:
                _, word, channel, lane, row, column = pixels[pixels[:, 0] == index].T
                found = np.zeros_like(reference)
                found[:, channel, row, column] = stores[:, word, lane]
            _note(part, level, name, reference, found, first_image)


def _note(
    part: PointResult,
    level: str,
    name: str,
    reference: np.ndarray,
    found: np.ndarray,
    first_image: int,
) -> None:
    part.compared += reference.size
    found_here = difference(level, name, reference, found, first_image)
    if found_here is not None:
        part.mismatched += found_here.count
        part.mismatches.append(found_here)


def _joined(parts: list[PointResult]) -> PointResult:
    total = PointResult(np.concatenate([part.outputs for part in parts]))
    total.predicted_cycles = np.concatenate([part.predicted_cycles for part in parts])
    total.cycles = np.concatenate([part.cycles for part in parts])
    for part in parts:
        total.compared += part.compared
        total.mismatched += part.mismatched
        known = {(m.level, m.layer) for m in total.mismatches}
        total.mismatches += [m for m in part.mismatches if (m.level, m.layer) not in known]
        for mine, theirs in ((total.predicted, part.predicted), (total.counted, part.counted)):
            for key, flips in theirs.items():
                mine[key] = mine.get(key, 0) + flips
    return total
