"""Images one after another on one accelerator, its operating point switched between them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.run import quantise_input
from pann_hw.machine.cycles import linear_words
from pann_hw.machine.flips import CLASSES, FlipPredictor
from pann_hw.machine.machine import Machine
from pann_hw.program.deployment import Deployment
from pann_hw.report.verify import network_order
from sim.harness import simulate

__all__ = ["PointRun", "parse_schedule", "predict_flips", "predicted_cycles", "run_schedule"]

_CHUNK = 64
"""Images per simulator run."""


@dataclass(frozen=True, eq=False)
class PointRun:
    """What one operating point did.

    Attributes
    ----------
    images : int64 (n,), those that it ran
    outputs : int64 (n, C * H * W), in the network's order
    cycles, predicted_cycles : int64 (n,), counted in the RTL, and from the program
    flips : signal class -> int64 (n,), counted; None where they were not
    """

    images: np.ndarray
    outputs: np.ndarray
    cycles: np.ndarray
    predicted_cycles: np.ndarray
    flips: dict[str, np.ndarray] | None


def parse_schedule(text: str, points: int) -> list[int]:
    """Operating points from a list like "0,2,1".

    Raises
    ------
    InputError : no list of numbers, or a point that is not loaded
    """
    try:
        schedule = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"schedule {text!r}: must be numbers of operating points, like 0,1"
        ) from None
    wrong = [point for point in schedule if not 0 <= point < points]
    if wrong:
        raise InputError(
            f"schedule {text!r}: operating point {wrong[0]} is not loaded, the program has "
            f"0..{points - 1}"
        )
    return schedule


def run_schedule(
    deployment: Deployment,
    x: np.ndarray,
    schedule: list[int],
    *,
    toggles: bool = False,
    overlap: bool = False,
    threads: int = 2,
    progress: Callable[[], None] | None = None,
) -> list[PointRun]:
    """Run float images x (n, C, H, W), the i-th at operating point ``schedule[i % len(schedule)]``.

    The program is loaded once; a register write selects each image's point.

    Parameters
    ----------
    toggles : count flips
    overlap : start each inference as soon as the accelerator takes it; cycles are then those from
        the end of the one before, and flips cannot be counted
    threads : simulations side by side, of 64 images each; with flips, or overlap, there is one
    progress : called after every simulated inference

    Returns
    -------
    list : one run for each operating point of the deployment

    Raises
    ------
    InputError : flips of overlapping inferences
    MismatchError : the accelerator hangs or reports an error
    ToolError : a tool is missing or fails
    """
    if toggles and overlap:
        raise InputError("flips are counted for single inferences: leave out overlap, or flips")
    points = np.resize(np.array(schedule), len(x))
    inputs = np.stack([
        quantise_input(deployment.networks[point], image[None]).reshape(-1)
        for point, image in zip(points, x, strict=True)
    ])  # fmt: skip
    # Runs side by side, where nothing goes on from one image to the next.
    size = len(x) if toggles or overlap else _CHUNK
    parts = [slice(start, start + size) for start in range(0, len(x), size)]
    outputs = int(np.prod(deployment.programs[0].output_shape))
    with ThreadPoolExecutor(threads) as pool:
        found = list(
            pool.map(
                lambda part: simulate(
                    deployment.image, inputs[part], points[part], outputs, toggles=toggles,
                    overlap=overlap, progress=progress,
                ),
                parts,
            )
        )  # fmt: skip
    cycles = np.concatenate([part.cycles for part in found])
    results = np.concatenate([part.outputs for part in found])
    predicted = predicted_cycles(deployment, inputs, points, overlap=overlap)
    runs = []
    for point, program in enumerate(deployment.programs):
        images = np.flatnonzero(points == point)
        flips = None
        if found[0].toggles is not None:
            flips = {name: counts[images] for name, counts in found[0].toggles.items()}
        ordered = network_order(program, results[images])
        runs.append(PointRun(images, ordered, cycles[images], predicted[images], flips))
    return runs


def predicted_cycles(
    deployment: Deployment, inputs: np.ndarray, points: np.ndarray, *, overlap: bool
) -> np.ndarray:
    """Cycles of each inference, int64 (n,).

    Parameters
    ----------
    inputs : (n, elements), quantised
    points : int64 (n,), the operating point of each
    overlap : started while the one before runs; cycles are then those from its end
    """
    words: dict[int, list[np.ndarray]] = {}
    for point, program in enumerate(deployment.programs):
        images = np.flatnonzero(points == point)
        shape = deployment.networks[point].input.shape
        found = linear_words(program, inputs[images].reshape(-1, *shape))
        words |= dict(zip(images.tolist(), found, strict=True))
    machine = Machine(deployment.image)
    if overlap:
        following = [array for image in sorted(words) for array in words[image]]
        return np.array(machine.intervals(points.tolist(), following))
    return np.array(
        [machine.run(int(point), words[image]).cycles for image, point in enumerate(points)]
    )


def predict_flips(
    deployment: Deployment,
    x: np.ndarray,
    schedule: list[int],
    *,
    progress: Callable[[], None] | None = None,
) -> list[dict[str, np.ndarray]]:
    """The flips that :func:`run_schedule` counts for the same images, without simulating.

    Parameters
    ----------
    progress : called after every inference

    Returns
    -------
    list : for each operating point signal class -> int64 (n,), in the order of its images
    """
    points = np.resize(np.array(schedule), len(x))
    predictor = FlipPredictor(deployment.image)
    found: list[dict[str, list[np.ndarray]]] = [
        {name: [] for name in CLASSES} for _ in deployment.programs
    ]
    # Images at one point after another are predicted at once.
    for stretch in np.split(np.arange(len(x)), np.flatnonzero(np.diff(points)) + 1):
        point = int(points[stretch[0]])
        inputs = quantise_input(deployment.networks[point], x[stretch])
        predictor.execute(deployment.programs[point], point, inputs)
        for name, flips in predictor.flips.items():
            found[point][name].append(flips)
        if progress is not None:
            for _ in stretch:
                progress()
    empty = np.zeros(0, np.int64)
    return [
        {name: np.concatenate([empty, *parts]) for name, parts in each.items()} for each in found
    ]
