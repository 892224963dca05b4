"""The lane grid: which pixels of a map each lane owns.

The lanes are a grid of ``strips`` rows of ``columns`` lanes. A lane owns a block of neighbouring
pixels, ``rows`` high and ``steps`` wide, of every map; what one memory word holds is the pixel at
one place of all blocks:

    pixel (y, x) is in word (y % rows) * steps + x % steps, lane (y // rows) * columns + x // steps

A layer of stride s reads blocks that are s times as high and wide as those it makes, in as many
columns, and every window of every layer is one word, turned by whole lanes where it crosses from
block to block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """How one map lies in the words of the activation memory.

    Attributes
    ----------
    height, width : of the map as it lies, in pixels
    columns : lanes side by side, a power of two
    rows, steps : height and width of a lane's block, in pixels
    transposed : whether the map lies with its rows down the columns: height and width swapped
    """

    height: int
    width: int
    columns: int
    rows: int
    steps: int
    transposed: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the map itself."""
        return (self.width, self.height) if self.transposed else (self.height, self.width)

    @property
    def words(self) -> int:
        """Words of one channel."""
        return self.rows * self.steps

    @property
    def strips(self) -> int:
        """Rows of lanes that own a pixel."""
        return -(-self.height // self.rows)

    @property
    def columns_used(self) -> int:
        """Columns of lanes that own a pixel."""
        return -(-self.width // self.steps)

    @property
    def last_rows(self) -> int:
        """Rows of the last strip that are in the map, 1..rows."""
        return self.height - (self.strips - 1) * self.rows

    @property
    def last_steps(self) -> int:
        """Pixels of the last column's blocks that are in the map, 1..steps."""
        return self.width - (self.columns_used - 1) * self.steps

    def halved(self) -> Grid:
        """The same blocks with half as many columns: twice as wide and half as high.

        Lane i of a strip's group of ``columns`` lanes takes what lane ``(2 * i + phase) % columns``
        has, phase 0 in one word and 1 in the next; ``rows`` must be even.
        """
        return replace(self, columns=self.columns // 2, rows=self.rows // 2, steps=2 * self.steps)

    def place(self, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Word and lane of the map's own pixels."""
        y, x = (column, row) if self.transposed else (row, column)
        word = y % self.rows * self.steps + x % self.steps
        return word, y // self.rows * self.columns + x // self.steps

    def lanes(self, word: int) -> list[tuple[int, int, int]]:
        """(lane, row, column) of every pixel of the map in a word of a channel, lanes in order."""
        row, step = divmod(word, self.steps)
        found = [
            (strip * self.columns + column, strip * self.rows + row, column * self.steps + step)
            for strip in range(self.strips - (row >= self.last_rows))
            for column in range(self.columns_used - (step >= self.last_steps))
        ]
        return [(lane, x, y) for lane, y, x in found] if self.transposed else found
