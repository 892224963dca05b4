"""Schedules of inferences, from the program and, where it has linear passes, from the data."""

from __future__ import annotations

from threading import Lock

import numpy as np

from pann_hw.machine.interpret import execute
from pann_hw.machine.machine import Machine
from pann_hw.machine.schedule import Schedule
from pann_hw.program.image import Image
from pann_hw.program.program import Program

__all__ = ["CyclePredictor", "largest_words", "linear_words"]

_BATCH = 64
"""Inputs interpreted at a time, where only what linear passes read is wanted."""


def linear_words(program: Program, inputs: np.ndarray) -> list[list[np.ndarray]]:
    """Of each input (n, C, H, W) the words that its linear passes read: uint8 (words, N) each."""
    if not program.linear:
        return [[] for _ in inputs]
    found = []
    for start in range(0, len(inputs), _BATCH):
        batch = inputs[start : start + _BATCH]
        executed = execute(program, batch)
        found += [executed.words_of(index) for index in range(len(batch))]
    return found


def largest_words(program: Program) -> list[np.ndarray]:
    """Words for every linear pass that take the most cycles: every bit is set."""
    config = program.config
    return [
        np.full((item.columns.words * config.banks, config.lanes), 2**item.columns.bits - 1)
        for item in program.passes
        if item.columns
    ]


class CyclePredictor:
    """Predicts cycles for several threads, which share what is known.

    Parameters
    ----------
    image : the program memories
    """

    def __init__(self, image: Image) -> None:
        self._machine = Machine(image)
        self._lock = Lock()

    def schedules(self, point: int, words: list[list[np.ndarray]]) -> list[Schedule]:
        """Schedules of inferences that read these words, each alone."""
        with self._lock:
            return [self._machine.run(point, each) for each in words]
