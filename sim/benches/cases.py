"""What whole accelerators run in their benches, and what must come of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

__all__ = ["Cases", "Point"]


@dataclass(frozen=True)
class Point:
    """An operating point of a program: inferences, their results, and the cycles of one."""

    inputs: list[list[int]]
    outputs: list[list[int]]
    cycles: int


class Cases:
    """Programs, as streams, with their operating points.

    They come in the .npz file that the environment variable ACCELERATOR_CASES names: arrays
    ``stream{p}`` (uint32), and for each program p and operating point k ``inputs{p}_{k}``
    (inferences, elements), ``outputs{p}_{k}`` (inferences, outputs) in the stream's order,
    ``cycles{p}_{k}``.
    """

    def __init__(self) -> None:
        with np.load(os.environ["ACCELERATOR_CASES"]) as arrays:
            count = sum(name.startswith("stream") for name in arrays)
            self.streams = [arrays[f"stream{p}"].tolist() for p in range(count)]
            self.points = [
                [
                    Point(
                        arrays[f"inputs{p}_{k}"].tolist(),
                        arrays[f"outputs{p}_{k}"].tolist(),
                        int(arrays[f"cycles{p}_{k}"]),
                    )
                    for k in range(sum(name.startswith(f"cycles{p}_") for name in arrays))
                ]
                for p in range(count)
            ]
