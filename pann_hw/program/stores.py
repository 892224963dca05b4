"""Which values of the network the words are that a program stores, and its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pann_hw.program.grid import Grid
from pann_hw.program.program import Pass, Program

__all__ = ["network_order", "output_map", "store_map", "stored_together"]


def store_map(program: Program) -> list[tuple[int, list[tuple[int, int, int, int]]]]:
    """What each stored word is, in order: (layer, [(lane, channel, row, column) of each value]).

    Channels, rows and columns are the integer network's. Of a word that is written in half of its
    lanes, the values of those.
    """
    entries = []
    for item in program.passes:
        if item.raw:
            continue
        order = program.channel_orders[item.layer]
        for tile in range(item.tiles):
            for channels in stored_together(item, program.config.requantisers):
                for word, _, written in item.stores(tile, program.config.lanes):
                    for channel in channels:
                        values = _values(item, order, item.output.grid, channel, word)
                        entries.append((item.layer, [one for one in values if written[one[0]]]))
    return entries


def output_map(program: Program) -> list[tuple[int, int, int]]:
    """Which (channel, row, column) each element of the output stream is, in order."""
    return [
        (channel, row, column)
        for item in program.passes
        if item.raw
        for tile in range(item.tiles)
        for core in range(item.channels)
        for _, channel, row, column in _values(
            item, program.channel_orders[item.layer], item.grid, core, tile
        )
    ]


def network_order(program: Program, outputs: np.ndarray) -> np.ndarray:
    """Outputs as channel, row, column, from the order of the output stream."""
    channels, rows, columns = np.array(output_map(program)).T
    _, height, width = program.output_shape
    ordered = np.zeros_like(outputs)
    ordered[:, (channels * height + rows) * width + columns] = outputs
    return ordered


def stored_together(item: Pass, requantisers: int) -> list[range]:
    """Channels of a pass that are stored at a time."""
    if item.pool:
        size, end = item.segments[0].banks, item.segments[0].channels
    else:
        size, end = requantisers, item.channels
    edges = [0, *range(size - item.place(0)[0] % size, end, size), end]
    return [range(low, high) for low, high in pairwise(edges)]


def _values(
    item: Pass, order: Sequence[int], grid: Grid, channel: int, word: int
) -> list[tuple[int, int, int, int]]:
    """(lane, channel, row, column) of the values in a word of a channel, or of a vector."""
    if channel >= item.channels:
        return []
    channel += item.first_channel
    lanes = grid.lanes(word)
    if not item.columns:
        return [(lane, order[channel], row, column) for lane, row, column in lanes]
    first, outputs = channel * item.columns.width, item.columns.outputs
    return [(lane, order[first + lane], 0, 0) for lane, *_ in lanes if first + lane < outputs]
