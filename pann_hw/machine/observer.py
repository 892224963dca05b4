"""What an observer of an execution sees: windows that are fetched, and every value made of them."""

from __future__ import annotations

import numpy as np

from pann_hw.program.program import Program

__all__ = ["Observer"]


class Observer:
    """Sees what happens, in order; every method may be left as it is.

    Arrays over inferences have the batch as their first axis.
    """

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        """An inference begins; inputs are uint8 (batch, C, H, W)."""

    def load(self, bank: int, words: np.ndarray) -> None:
        """The word register of a bank as it takes input elements: (batch, elements, N)."""

    def words(self, words: np.ndarray) -> None:
        """Words (batch, groups, banks, N) that a tile, or a linear pass, reads."""

    def rows(self, windows: np.ndarray) -> None:
        """The windows (batch, groups, banks, N) that the words of a tile become."""

    def operands(self, core: int, cycles: np.ndarray, values: np.ndarray, adds: np.ndarray) -> None:
        """Operands (batch, bundles, terms, N) of a core's bundles of a tile, the cycles of their
        issue, and which places have a term: bool (bundles, terms). In a linear pass of everything
        that is added, weights' magnitudes."""

    def accumulator(self, core: int, values: np.ndarray) -> None:
        """Accumulators (batch, bundles, N) of a core after each bundle of a tile."""

    def drained(self, core: int, lanes: int) -> None:
        """A core's finished sums are drained, those of so many lanes, the lowest ones."""

    def requantiser(self, core: int, states: np.ndarray) -> None:
        """The requantiser's registers (batch, steps, N) after each step for a core's word."""

    def pool(self, values: np.ndarray) -> None:
        """The pooling unit's registers (batch, windows, banks, N) after each comparison in a
        tile."""

    def store(self, bank: int, address: int, word: np.ndarray) -> None:
        """A word (batch, N) is written to the activation memory."""

    def end(self) -> None:
        """The inference is over."""
