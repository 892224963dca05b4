"""What an observer of an execution sees: rows that are fetched, and every value made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.program.program import Pass, Program
from pann_hw.program.timing import PassTiming, Tile, TileTiming

__all__ = ["Observer", "Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """The windows of one tile.

    Attributes
    ----------
    elements : uint8 (batch, windows, N + 2)
    word : which of its window's words each element comes from, counted from the first word that is
        read; -1 for none; (windows, N + 2)
    pads : what each window is padded with
    read_window : the window of each word read, in order
    read_words : uint8 (batch, reads, N), what was read
    """

    elements: np.ndarray
    word: np.ndarray
    pads: np.ndarray
    read_window: np.ndarray
    read_words: np.ndarray


class Observer:
    """Sees what happens, in order; every method may be left as it is.

    Arrays over inferences have the batch as their first axis.
    """

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        """An inference begins; inputs are uint8 (batch, C, H, W)."""

    def begin_pass(self, item: Pass, timing: PassTiming) -> None:
        """A pass's descriptor is read."""

    def tile(self, tile: Tile, timing: TileTiming, rows: Rows) -> None:
        """A tile's windows; what is not read before ``timing.prepared`` is not read at all."""

    def operands(self, rail: int, values: np.ndarray, cycles: np.ndarray) -> None:
        """Operands (batch, terms, N) of a rail's adding terms, and the cycles of their issue."""

    def accumulator(self, core: int, bias: int, values: np.ndarray) -> None:
        """Accumulators (batch, steps, N) of a core after each addition; first it holds ``bias``."""

    def requantiser(self, core: int, states: np.ndarray) -> None:
        """The requantiser's registers (batch, steps, N) after each step for a core."""

    def pool(self, values: np.ndarray) -> None:
        """The pooling unit's registers (batch, taps, N) after each comparison in a tile."""

    def store(self, address: int, word: np.ndarray) -> None:
        """A word (batch, N) is written to the activation memory."""

    def end(self) -> None:
        """The inference is over."""
