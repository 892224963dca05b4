"""When everything happens: the accelerator's cycles, from the program alone.

No datum decides a cycle, so a program's schedule is known when it is compiled. Cycles of a tile
count from the one in which it is prepared (0); the reader's first request is in cycle 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pann_hw.program.layout import (
    CORE_WORDS,
    PASS_WORDS,
    POINT_WORDS,
    SEGMENT_WORDS,
    term_fields,
    unpack_array,
)
from pann_hw.program.program import Pass, Program
from pann_hw.program.windows import Window, windows, word_range

__all__ = [
    "PassTiming",
    "RailTerms",
    "Tile",
    "TileTiming",
    "inference_cycles",
    "pass_timing",
    "tile_schedules",
]

_VISIBLE = 2
"""Cycles from a window's last read until its row can be used."""


@dataclass(frozen=True, eq=False)
class RailTerms:
    """One rail's terms in one tile.

    Attributes
    ----------
    window : the window that each term reaches
    add, offset, shift, subtract : the terms' fields
    counts : terms per window
    """

    window: np.ndarray
    add: np.ndarray
    offset: np.ndarray
    shift: np.ndarray
    subtract: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Tile:
    """One tile of a pass: N output pixels of row ``row``, from pixel ``index`` * N on."""

    row: int
    index: int
    valid: int


@dataclass(frozen=True, eq=False)
class TileTiming:
    """The schedule of one tile.

    Attributes
    ----------
    issue : per rail, core by core: the cycle in which each term is issued
    reads : the cycle of each window's first and last read
    run : cycles of the run state
    prepared : cycle in which the next tile is prepared, or run ends; nothing is read from then on
    """

    issue: tuple[np.ndarray, ...]
    reads: np.ndarray
    run: int
    prepared: int


class PassTiming:
    """Windows, rails and schedules of a pass.

    Attributes
    ----------
    windows : (segment index, window), in order
    rails : per active core and rail
    """

    def __init__(self, item: Pass, program: Program) -> None:
        self._item = item
        self._config = program.config
        self.windows: list[tuple[int, Window]] = [
            (index, window)
            for index, segment in enumerate(item.segments)
            for window in windows(segment)
        ]
        self.rails = [self._rail(stream) for core in item.terms for stream in core]
        self._schedules: dict[tuple[bytes, int], TileTiming] = {}

    def _rail(self, stream: np.ndarray) -> RailTerms:
        fields = unpack_array(term_fields(self._config), stream)
        zero = np.zeros(len(stream), np.int64)
        window = np.cumsum(fields["advance"])
        return RailTerms(
            window,
            fields["add"],
            fields["offset"],
            fields.get("shift", zero),
            fields.get("subtract", zero),
            np.bincount(window, minlength=len(self.windows)),
        )

    @property
    def descriptor_cycles(self) -> int:
        """Cycles before a pass's first tile is loaded: waiting, reading, starting."""
        item = self._item
        words = PASS_WORDS + len(item.segments) * SEGMENT_WORDS
        return 1 + words + (0 if item.pool else item.channels * CORE_WORDS) + 1

    def tiles(self) -> Iterator[Tile]:
        """The pass's tiles in order."""
        item, lanes = self._item, self._config.lanes
        for row in range(item.rows):
            for index in range(item.tiles_per_row):
                last = index == item.tiles_per_row - 1
                yield Tile(row, index, item.last_valid(lanes) if last else lanes)

    def drain_cycles(self, tile: Tile) -> int:
        """Cycles of the drain state after a tile."""
        item = self._item
        if item.pool:
            return 0
        return item.channels * (tile.valid if item.raw else item.steps) + 1

    def words(self, tile: Tile) -> np.ndarray:
        """(first, last) word that each window reads; last is below first where it reads none."""
        segments = range(len(self._item.segments))
        return np.concatenate([self._segment_words(index, tile) for index in segments])

    def _segment_words(self, index: int, tile: Tile) -> np.ndarray:
        segment, lanes = self._item.segments[index], self._config.lanes
        one_channel = [w for i, w in self.windows if i == index and w.channel == 0]
        y = tile.row * segment.stride[0] - segment.padding[0]
        x = tile.index * lanes * segment.stride[1] - segment.padding[1]
        ranges = [word_range(segment, w, y + w.row, x + w.base, lanes) for w in one_channel]
        return np.tile(np.array(ranges), (segment.channels, 1))

    def schedule(self, tile: Tile, run_start: int) -> TileTiming:
        """The schedule of a tile whose run state begins ``run_start`` cycles after preparing it."""
        words = self.words(tile)
        reads = np.maximum(words[:, 1] - words[:, 0] + 1, 1)
        key = (reads.tobytes(), run_start)
        if key not in self._schedules:
            compute = self._pool_schedule if self._item.pool else self._rail_schedule
            self._schedules[key] = compute(reads, run_start)
        return self._schedules[key]

    def _rail_schedule(self, reads: np.ndarray, run_start: int) -> TileTiming:
        slots = self._config.window_slots
        counts = self._counts
        rails, count = counts.shape
        free = np.full(rails, run_start)
        first_issue = np.zeros((rails, count), np.int64)
        following = self._following
        spans = np.zeros((count, 2), np.int64)
        begin = 1
        for window in range(count):
            if window >= slots:
                reached = following[:, window - slots + 1]
                released = np.where(
                    reached < count,
                    first_issue[np.arange(rails), np.minimum(reached, count - 1)],
                    free - 1,
                )
                begin = max(begin, int(released.max()) + 1)
            end = begin + int(reads[window]) - 1
            spans[window] = begin, end
            begin = end + 1
            here = counts[:, window]
            start = np.maximum(free, end + _VISIBLE)
            first_issue[:, window] = start
            free = np.where(here > 0, start + here, free)
        done = int(free.max())
        issue = tuple(
            first_issue[r][rail.window] + np.arange(len(rail.window)) - self._group_start[r]
            for r, rail in enumerate(self.rails)
        )
        return TileTiming(issue, spans, done - run_start + 1, done)

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.array([rail.counts for rail in self.rails])

    @cached_property
    def _following(self) -> np.ndarray:
        """Per rail and window: the first window from there on that has terms, or their number."""
        count = self._counts.shape[1]
        indices = np.where(self._counts > 0, np.arange(count), count)
        return np.minimum.accumulate(indices[:, ::-1], axis=1)[:, ::-1]

    @cached_property
    def _group_start(self) -> list[np.ndarray]:
        """Per rail and term: index of the first term in the same window."""
        return [np.searchsorted(rail.window, rail.window) for rail in self.rails]

    def _pool_schedule(self, reads: np.ndarray, run_start: int) -> TileTiming:
        slots = self._config.window_slots
        taps = [window.taps for _, window in self.windows]
        finished = np.zeros(len(reads), np.int64)
        spans = np.zeros((len(reads), 2), np.int64)
        begin, free = 1, run_start
        for window, count in enumerate(reads):
            if window >= slots:
                begin = max(begin, int(finished[window - slots]) + 1)
            end = begin + int(count) - 1
            spans[window] = begin, end
            begin = end + 1
            free = max(free, end + _VISIBLE) + taps[window]
            finished[window] = free - 1
        return TileTiming((), spans, free - run_start + 1, free)


def pass_timing(program: Program) -> list[PassTiming]:
    """The timing of every pass."""
    return [PassTiming(item, program) for item in program.passes]


def tile_schedules(timing: PassTiming) -> Iterator[tuple[Tile, TileTiming, int]]:
    """Each tile of a pass with its schedule and the cycles from loading it to the next load."""
    run_start = 2
    for tile in timing.tiles():
        schedule = timing.schedule(tile, run_start)
        drain = timing.drain_cycles(tile)
        yield tile, schedule, 1 + schedule.run + drain
        run_start = drain + 2


def inference_cycles(program: Program, timings: list[PassTiming] | None = None) -> list[int]:
    """Cycles of one inference: reading the directory and the input, then of each pass.

    The sum is what the register CYCLES shows where input and output never wait.
    """
    config = program.config
    place = program.placements[program.input]
    channels, height, width = place.shape
    start = 1 + POINT_WORDS + config.cores * config.rails + channels * height * width + 1
    return [start] + [
        timing.descriptor_cycles + sum(cycles for *_, cycles in tile_schedules(timing))
        for timing in timings or pass_timing(program)
    ]
