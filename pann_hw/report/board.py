"""Images on an accelerator behind a link, compared with the integer network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pann_hw.integer.run import quantise_input, run
from pann_hw.link.driver import BoardDriver
from pann_hw.program.deployment import Deployment
from pann_hw.report.operating_points import predicted_cycles
from pann_hw.report.verify import Mismatch, difference, network_order

__all__ = ["BoardPoint", "BoardRuns", "run_on_board"]


@dataclass(frozen=True, eq=False)
class BoardPoint:
    """What one operating point did.

    Attributes
    ----------
    images : int64 (n,), those that it ran
    outputs : int64 (n, C * H * W), in the network's order
    mismatch : where they first differ from the integer network's, and in how many elements
    cycles, predicted_cycles : int64 (n,), from the end of the inference before to the end of this
        one; counted, and predicted for streams that never wait
    """

    images: np.ndarray
    outputs: np.ndarray
    mismatch: Mismatch | None
    cycles: np.ndarray
    predicted_cycles: np.ndarray


@dataclass(frozen=True, eq=False)
class BoardRuns:
    """What all operating points did, in one connection.

    Attributes
    ----------
    points : operating point -> what it did, of those that ran
    seconds : from the first byte sent to the last result
    bytes_sent, bytes_received : in that time
    """

    points: dict[int, BoardPoint]
    seconds: float
    bytes_sent: int
    bytes_received: int

    @property
    def cycles(self) -> int:
        """Of the board, from the first start to the last end."""
        return sum(int(point.cycles.sum()) for point in self.points.values())

    @property
    def link_share(self) -> float:
        """Of those cycles, the part in which the accelerator waited for the link, 0..1."""
        computing = sum(int(point.predicted_cycles.sum()) for point in self.points.values())
        return max(0.0, 1 - computing / self.cycles)


def run_on_board(
    driver: BoardDriver,
    deployment: Deployment,
    x: np.ndarray,
    schedule: list[int] | None = None,
    progress: Callable[[], None] | None = None,
) -> BoardRuns:
    """Run float images x (n, C, H, W) on the board whose driver has loaded the deployment.

    Parameters
    ----------
    schedule : the operating point of the i-th image is ``schedule[i % len(schedule)]``; where left
        out every image is run at every point
    progress : called after each inference

    Raises
    ------
    MismatchError : the accelerator hangs or reports an error
    ToolError : the board does not answer, or the port has gone
    """
    count = len(x)
    if schedule is None:
        points = np.repeat(np.arange(len(deployment.programs)), count)
        images = np.tile(np.arange(count), len(deployment.programs))
    else:
        points, images = np.resize(np.array(schedule), count), np.arange(count)
    quantised = {
        int(point): quantise_input(deployment.networks[point], x) for point in np.unique(points)
    }
    inputs = np.stack([
        quantised[int(point)][image].reshape(-1)
        for point, image in zip(points, images, strict=True)
    ]).astype(np.uint8)  # fmt: skip
    outputs = int(np.prod(deployment.programs[0].output_shape))
    sent, received = driver.counters.bytes_sent, driver.counters.bytes_received
    done = driver.run(inputs, points, outputs, progress)
    sent = driver.counters.bytes_sent - sent
    received = driver.counters.bytes_received - received
    predicted = predicted_cycles(deployment, inputs, points, overlap=True)
    found = {}
    for point in quantised:
        turns = np.flatnonzero(points == point)
        ordered = network_order(deployment.programs[point], done.outputs[turns])
        mismatch = _mismatch(deployment, point, inputs[turns], ordered)
        found[point] = BoardPoint(
            images[turns], ordered, mismatch, done.cycles[turns], predicted[turns]
        )
    return BoardRuns(found, done.seconds, sent, received)


def _mismatch(
    deployment: Deployment, point: int, inputs: np.ndarray, outputs: np.ndarray
) -> Mismatch | None:
    network = deployment.networks[point]
    name = network.layers[-1].output.name
    expected = run(network, inputs.reshape(-1, *network.input.shape))[name].numpy()
    return difference("board", name, expected, outputs.reshape(expected.shape))
