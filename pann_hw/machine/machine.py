"""The machine: runs inferences, one after another, as the accelerator's control does.

But in linear passes no datum decides a cycle, so the schedule of an inference, and the flips of
everything that steers, are known from the program, and what its linear passes read. Cycles are
those of the register CYCLES where input and output never wait.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from pann_hw.machine.control import Control
from pann_hw.machine.schedule import Piece, Schedule
from pann_hw.program.image import Image

__all__ = ["Machine"]

_STARTS_AHEAD = 2
"""Inferences that can be started between two ends."""


class Machine:
    """Runs inferences one after another from reset.

    Parameters
    ----------
    image : the program memories
    """

    def __init__(self, image: Image) -> None:
        self._control = Control(image)
        self._known: dict[Hashable, Piece] = {}
        # Of inferences without a linear pass, by the pieces that they are of.
        self._schedules: dict[tuple[int, ...], Schedule] = {}
        self._words: list[np.ndarray] = []

    def run(self, point: int, words: Sequence[np.ndarray] = ()) -> Schedule:
        """The next inference, of an operating point that is loaded.

        Parameters
        ----------
        words : of each of its linear passes the words that it reads, uint8 (words, N): see
            :attr:`pann_hw.machine.interpret.Execution.words`
        """
        self._words = list(words)
        return self._until_end([point])

    def intervals(self, points: Sequence[int], words: Sequence[np.ndarray] = ()) -> list[int]:
        """Cycles of inferences that are each started as soon as the accelerator takes a start.

        Of the first one from its start to its end, of the others from the end of the one before.

        Parameters
        ----------
        words : those of all linear passes of one inference after another
        """
        self._words = list(words)
        waiting = list(points)
        return [self._until_end(waiting).cycles for _ in points]

    def _until_end(self, waiting: list[int]) -> Schedule:
        """Run until an inference ends, starting those that wait as soon as they are taken.

        It goes in pieces, between which linear passes run: what is between them no datum decides,
        so from the same registers it is always the same, and is executed once.
        """
        pieces: list[Piece] = []
        while not pieces or not pieces[-1].ended:
            # What follows depends on the registers, and on the points that start meanwhile.
            key = (*self._control.registers(), *waiting[:_STARTS_AHEAD])
            piece = self._known.get(key)
            if piece is None:
                self._known[key] = piece = self._control.piece(list(waiting))
            else:
                self._control.restore(piece.states)
            del waiting[: piece.started]
            pieces.append(piece)
            if piece.linear_cores:
                if not self._words:
                    raise ValueError("words: one array for each linear pass of the inferences")
                pieces.append(
                    self._control.piece(waiting, (self._words.pop(0), piece.linear_cores))
                )
        if any(piece.linear is not None for piece in pieces):
            return Schedule.joined(pieces)
        # All of them are known, and stay.
        parts = tuple(map(id, pieces))
        if parts not in self._schedules:
            self._schedules[parts] = Schedule.joined(pieces)
        return self._schedules[parts]
