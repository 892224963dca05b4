"""Which words and lanes the windows of a pass are, tile by tile."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from pann_hw.program.program import Pass

__all__ = ["Reads", "gates"]


class Reads:
    """Addresses and lanes of a pass's windows, a group for all banks at a time."""

    def __init__(self, item: Pass, lanes: int) -> None:
        self._item, self._lanes = item, lanes
        self._windows = [
            (segment, window)
            for segment in item.segments
            for window in segment.window_list()
            if window.channel % segment.banks == 0
        ]

    def addresses(self, tile: int) -> np.ndarray:
        """Word of each group of windows."""
        row, step = divmod(tile, self._item.grid.steps)
        return np.array([
            segment.base
            + window.channel // segment.banks * segment.grid.words
            + segment.position(row, step, window)[0]
            for segment, window in self._windows
        ])  # fmt: skip

    def lanes(self, tile: int) -> np.ndarray:
        """(groups, N) lane of the word that each element is; -1 for padding."""
        row, step = divmod(tile, self._item.grid.steps)
        known: dict[tuple[int, int, int, int], np.ndarray] = {}
        found = []
        for segment, window in self._windows:
            word, strips, shift = segment.position(row, step, window)
            key = (id(segment), word, strips, shift)
            if key not in known:
                known[key] = segment.source_lanes(word, strips, shift, self._lanes)
            found.append(known[key])
        return np.array(found)

    @cached_property
    def pads(self) -> np.ndarray:
        """What each group is padded with."""
        return np.array([segment.pad_value for segment, _ in self._windows], np.uint8)


def gates(item: Pass, lanes: int) -> np.ndarray:
    """uint8 (4, N): for each offset, and for no term, 1 in lanes that see their element, else 0."""
    grid = item.grid
    strip, column = np.divmod(np.arange(lanes), grid.columns)
    on = (strip < grid.strips) & (column < grid.columns_used)
    return np.array(
        [on & (column > 0), on, on & (column < grid.columns - 1), np.zeros(lanes, bool)], np.uint8
    )
