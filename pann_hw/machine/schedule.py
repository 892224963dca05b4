"""What the control does in an inference: its cycles, and when everything happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Piece", "Schedule"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """What the control does in one inference.

    Attributes
    ----------
    cycles : from start to done
    input_cycles : of them, before the first pass begins
    pass_ends : int64 (passes,), the cycle in which each pass is stored or sent out
    issued : per core: int64 (bundles, 2), cycle and term address of every bundle issued
    linear : per linear pass: int64 (additions, 2), cycle and number of terms of everything that its
        cores add; digits of the bias have no terms
    flips : signal class -> flips of registers that no datum decides, but in linear passes
    """

    cycles: int
    input_cycles: int
    pass_ends: np.ndarray
    issued: tuple[np.ndarray, ...]
    linear: tuple[np.ndarray, ...]
    flips: dict[str, int]

    @classmethod
    def joined(cls, pieces: Sequence[Piece]) -> Schedule:
        """Pieces one after the other."""
        starts = np.cumsum([0, *(piece.cycles for piece in pieces)]).tolist()
        flips: dict[str, int] = {}
        ends: list[int] = []
        issued: list[list[np.ndarray]] = [[] for _ in pieces[0].issued]
        linear, input_cycles = [], 0
        for start, piece in zip(starts, pieces, strict=False):
            ends += [start + end for end in piece.pass_ends]
            if piece.input_cycles is not None:
                input_cycles = start + piece.input_cycles
            for parts, found in zip(issued, piece.issued, strict=True):
                parts.append(_from(start, found))
            if piece.linear is not None:
                linear.append(_from(start, piece.linear))
            for name, count in piece.flips.items():
                flips[name] = flips.get(name, 0) + count
        return cls(
            starts[-1],
            input_cycles,
            np.array(ends),
            tuple(np.concatenate(parts) for parts in issued),
            tuple(linear),
            flips,
        )


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of a schedule; cycles are counted from its beginning.

    Attributes
    ----------
    cycles, pass_ends, flips : see :class:`Schedule`
    input_cycles : None where the passes do not begin
    issued : per core
    linear : what a linear pass adds; None where there is none
    states : of all registers at its end
    started : inferences that are started
    linear_cores : cores of the linear pass that starts at its end; 0 for none
    ended : whether an inference ends at its end
    """

    cycles: int
    input_cycles: int | None
    pass_ends: list[int]
    issued: list[list[tuple[int, int]]]
    linear: list[tuple[int, int]] | None
    flips: dict[str, int]
    states: list[dict[str, object]]
    started: int
    linear_cores: int
    ended: bool


def _from(start: int, found: list[tuple[int, int]]) -> np.ndarray:
    """Pairs of a cycle and something else, the cycles counted from so much earlier."""
    pairs: np.ndarray = np.array(found, np.int64).reshape(-1, 2) + np.array([start, 0])
    return pairs
