"""The order in which a pass reads its inputs: one enumeration for compiler, interpreter and RTL.

A window is one word of one channel, turned by whole lanes: element i is what lane ``i + shift`` of
the word holds, shift = strips * columns + lanes. Channels are read in groups of as many as there
are banks, so windows come in groups too, one for each channel: for each group of channels, kernel
row and window of that row, the channels one after another. Where cores read channels of their own,
the groups of channels come last: so each core has windows all the time.

Where a lane makes one pixel of each row, what its neighbours read is in the lanes beside: the taps
that read one place of its own block, of the left one's and of the right one's share a window. Of a
3 x 3 kernel these are all taps of a row at stride 1, and the first and the last one at stride 2.
Where there is one pixel of each row, all taps share windows in pairs, with the lane beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pann_hw.integer.network import MaxPool, Source, Tensor
from pann_hw.program.grid import Grid

__all__ = ["CENTRE", "Segment", "Window", "pairs", "shares", "tap_groups", "tap_pairs"]

Taps = tuple[int, tuple[tuple[int, int], ...]]

CENTRE = 1
"""Offset of a term that adds each lane's own element; 0 and 2 are its neighbours'."""


@dataclass(frozen=True)
class Segment:
    """One tensor as a pass reads it.

    Attributes
    ----------
    tensor : name of the tensor
    base : word address, in each bank, of the first group of channels
    first_channel, channels : range of channels read, whole groups of one for each bank
    grid : of the tensor
    kernel, stride, padding : (vertical, horizontal)
    pad_value : what elements outside the tensor count as
    banks : channels of a group
    share : whether neighbouring taps may share a window; only where padding counts as 0
    pairs : whether all taps of a row share windows in pairs; only where one lane of a row is used
    by_rows : for each kernel row and window of that row, the groups of channels, instead of for
        each group of channels, the kernel rows and windows
    """

    tensor: str
    base: int
    first_channel: int
    channels: int
    grid: Grid
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    pad_value: int
    banks: int
    share: bool
    pairs: bool = False
    by_rows: bool = False

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return self.channels // self.banks

    @cached_property
    def taps(self) -> list[Taps]:
        """The windows of a kernel row, as :func:`tap_groups` lists them."""
        width, steps = self.kernel[1], self.grid.steps
        if self.pairs:
            return tap_pairs(width, steps)
        return tap_groups(width, self.padding[1], steps, shared=self.share)

    @property
    def windows(self) -> int:
        """Windows of one tile."""
        return self.channels * self.kernel[0] * len(self.taps)

    def window_list(self) -> Iterator[Window]:
        """All windows of a tile, in the order of the hardware."""
        places = [(row, *one) for row in range(self.kernel[0]) for one in self.taps]
        groups = range(self.groups)
        if self.by_rows:
            order = ((group, place) for place in places for group in groups)
        else:
            order = ((group, place) for group in groups for place in places)
        for group, place in order:
            for bank in range(self.banks):
                yield Window(group * self.banks + bank, *place)

    def position(self, row: int, step: int, window: Window) -> tuple[int, int, int]:
        """Where a window of the tile at (row, step) of its blocks lies.

        Returns
        -------
        word of the channel, strips, lanes : of the word, and of what it is turned by: element i is
            lane ``i + strips * columns + lanes``
        """
        y = self.stride[0] * row - self.padding[0] + window.row
        x = self.stride[1] * step - self.padding[1] + window.column
        strips, y = divmod(y, self.grid.rows)
        lanes, x = divmod(x, self.grid.steps)
        return y * self.grid.steps + x, strips, lanes

    def source_lanes(self, word: int, strips: int, shift: int, lanes: int) -> np.ndarray:
        """The lane of the word that each of ``lanes`` elements is; -1 for padding."""
        grid = self.grid
        row, step = divmod(word, grid.steps)
        strip, column = np.divmod(np.arange(lanes), grid.columns)
        strip, column = strip + strips, column + shift
        inside = (strip >= 0) & (strip < grid.strips - (row >= grid.last_rows))
        inside &= (column >= 0) & (column < grid.columns_used - (step >= grid.last_steps))
        return np.where(inside, strip * grid.columns + column, -1)

    def fields(self) -> dict[str, int]:
        """The segment as a record of the program format."""
        grid = self.grid
        strip, row = divmod(-self.padding[0], grid.rows)
        lane, step = divmod(self.taps[0][0] - self.padding[1], grid.steps)
        next_strip, next_row = divmod(self.stride[0], grid.rows)
        next_lane, next_step = divmod(self.stride[1], grid.steps)
        return {
            "base": self.base,
            "pitch": grid.words,
            "groups": self.groups,
            "rows": grid.rows,
            "steps": grid.steps,
            "kernel_height": self.kernel[0],
            "row_windows": len(self.taps),
            "next_row": next_row,
            "next_strip": next_strip,
            "next_step": next_step,
            "next_lane": next_lane,
            "first_row": row,
            "first_strip": strip % 2**8,
            "first_address": row * grid.steps,
            "row_step": next_row * grid.steps,
            "first_step": step,
            "first_lane": lane % 2**8,
            "strips": grid.strips,
            "columns": grid.columns_used,
            "last_rows": grid.last_rows,
            "last_steps": grid.last_steps,
            "shared": int(not self.pairs and any(len(taps) > 1 for _, taps in self.taps)),
            "pairs": int(self.pairs),
            "by_rows": int(self.by_rows),
            "pad_value": self.pad_value,
        }


@dataclass(frozen=True)
class Window:
    """One window of a segment, the same for every tile.

    Attributes
    ----------
    channel : counted from the segment's first channel
    row, column : of the kernel, what each lane's own element is; the column may be beyond its last
    taps : (offset, kernel column) of the one to three that it has the elements of
    """

    channel: int
    row: int
    column: int
    taps: tuple[tuple[int, int], ...]


def tap_groups(kernel_width: int, padding: int, steps: int, *, shared: bool) -> list[Taps]:
    """(column, taps) of the windows that cover a kernel row, from left to right; see Window.

    With ``shared`` the columns that read one place of a lane's own block, ``steps`` pixels wide,
    and of its neighbours' have one window, where that makes fewer.
    """
    alone: list[Taps] = [(column, ((CENTRE, column),)) for column in range(kernel_width)]
    if not shared:
        return alone
    near: list[Taps] = []
    for column in range(padding, padding + steps):
        beside = [(offset, column + (offset - CENTRE) * steps) for offset in range(3)]
        near.append((column, tuple(tap for tap in beside if 0 <= tap[1] < kernel_width)))
    before = alone[: max(padding - steps, 0)]
    groups = [*before, *near, *alone[padding + 2 * steps :]]
    return groups if len(groups) < len(alone) else alone


def tap_pairs(kernel_width: int, steps: int) -> list[Taps]:
    """The windows of a kernel row where one lane of each row is used, and there is no padding.

    Each has the elements of the lane's own block, ``steps`` pixels wide, and of the right one's.
    """
    own = [column for column in range(kernel_width) if column // steps % 2 == 0]
    return [
        (
            column,
            tuple(
                (CENTRE + beside, column + beside * steps)
                for beside in (0, 1)
                if column + beside * steps < kernel_width
            ),
        )
        for column in own
    ]


def pairs(source: Source | MaxPool, output_width: int, grid: Grid) -> bool:
    """Whether all taps of a row may share windows in pairs, and there are more than one lane's.

    Parameters
    ----------
    output_width : columns of what is made
    grid : of the tensor that is read
    """
    if isinstance(source, MaxPool) or output_width > 1 or source.padding[1]:
        return False
    return grid.columns > 1 and source.weights.shape[3] > grid.steps


def shares(source: Source | MaxPool, output_width: int, tensor: Tensor) -> bool:
    """Whether neighbouring taps may share a window: not in a maximum, and not where padding counts.

    Parameters
    ----------
    output_width : columns of what is made of ``tensor``
    """
    if isinstance(source, MaxPool):
        return False
    reach = (output_width - 1) * source.stride[1] + source.weights.shape[3]
    inside = source.padding[1] == 0 and reach <= tensor.shape[2]
    return inside or tensor.zero_point == 0
