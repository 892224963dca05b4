"""The values that control registers and memory addresses take, from the program alone.

Each method follows one unit of ``rtl_gen`` through an inference, register by register, in the order
in which values change; times do not matter for flips, and cycles are those of ``timing``.
"""

from __future__ import annotations

import numpy as np

from pann_hw.program.fetch_trace import FetchTrace, runs
from pann_hw.program.image import Image
from pann_hw.program.layout import (
    CORE_WORDS,
    PASS_WORDS,
    POINT_WORDS,
    SEGMENT_WORDS,
    directory_stride,
)
from pann_hw.program.program import Pass, Program
from pann_hw.program.timing import PassTiming, Tile, TileTiming

__all__ = ["ControlTrace"]

# States of the sequencer and the drain, numbered as the hardware encodes them.
_DIRECTORY_WAIT, _DIRECTORY, _INPUT, _PASS_WAIT, _PASS, _START, _LOAD, _RUN, _DRAIN = range(1, 10)
_RAW, _REQUANTISE = 1, 2
_HEADER = PASS_WORDS + 2 * SEGMENT_WORDS


class ControlTrace(FetchTrace):
    """Registers of sequencers, reader, rails, drain, loader and pooling unit.

    Parameters
    ----------
    image : what is loaded; its descriptors are read

    Attributes
    ----------
    values : (class, signal) -> the values taken in this inference, in order
    reset : (class, signal) -> value after reset, where that is not 0
    """

    def __init__(self, image: Image) -> None:
        super().__init__(image.config)
        self._image = image
        rails = image.config.cores * image.config.rails
        units = ("pool_done", *(f"done{rail}" for rail in range(rails)))
        self.reset = {("control", unit): 1 for unit in units}

    def begin(self, program: Program, point: int) -> None:
        """The directory entry is read and the input is taken."""
        self.values.clear()
        rails = self._config.cores * self._config.rails
        count = POINT_WORDS + rails
        entry = point * directory_stride(self._config)
        words = self._image.descriptors[entry : entry + count]
        self._address = int(words[0]) & 0xFFFF
        self._put("state", (_DIRECTORY_WAIT, _DIRECTORY, _INPUT), 4)
        self._port("descriptor_address", (*range(entry, entry + count + 1), self._address))
        self._read_words(entry, count + 1)
        self._put("index", range(count + 1))
        self._put("first_pass", self._address)
        self._put("input_base", int(words[0]) >> 16)
        self._put("input_width", int(words[1]) & 0xFFFF)
        self._put("input_rows", int(words[1]) >> 16)
        self._first = [int(word) for word in words[POINT_WORDS:]]
        for rail, first in enumerate(self._first):
            self._put(f"first{rail}", first)
        self._load_input(program)

    def _read_words(self, address: int, count: int) -> None:
        stored = self._image.descriptors[address : address + count]
        self._port("descriptor_word", [*stored, *[0] * (count - len(stored))], 32)

    def _load_input(self, program: Program) -> None:
        place = program.placements[program.input]
        channels, height, width = place.shape
        lanes = self._config.lanes
        column = np.arange(width)
        rows = np.arange(channels * height)[:, None]
        address = place.base + rows * place.row_words + column // lanes
        end = place.base + channels * height * place.row_words
        self._put("loader_busy", (1, 0), 1)
        self._put("loader_column", [*np.tile(column, len(rows)), 0])
        self._put("loader_lane", [*np.tile(column % lanes, len(rows)), 0], self._lane_bits)
        self._put("loader_address", [*address.ravel(), end])
        self._put("loader_row", range(len(rows) + 1))
        self._port("store_address", address.ravel())
        complete = (column % lanes == lanes - 1) | (column == width - 1)
        self._port("store_enable", [*np.tile(complete, len(rows)), 0], 1)

    def begin_pass(self, item: Pass) -> None:
        """A descriptor is read; the window sequencer takes its first tile's addresses."""
        count = PASS_WORDS + len(item.segments) * SEGMENT_WORDS + len(item.bias) * CORE_WORDS
        first = PASS_WORDS + SEGMENT_WORDS
        skipped = 0 if len(item.segments) == 2 else SEGMENT_WORDS
        places = [i if i < first else i + skipped for i in range(count)]
        self._put("state", (_PASS_WAIT, _PASS, _START), 4)
        self._port("descriptor_address", range(self._address + 1, self._address + count + 1))
        self._read_words(self._address, count + 1)
        self._put("index", (0, *places[1:], _HEADER + len(item.bias) * CORE_WORDS))
        words = self._image.descriptors[self._address : self._address + count]
        for place, word in zip(places, words, strict=True):
            self._put(f"descriptor{place}", int(word), 32)
        self._address += count
        self._item = item
        self._first_tile(item)
        self._tile_address = item.output_base
        self._tile = self._row = 0
        self._put("tile", 0)
        self._put("row", 0)
        self._put("tile_address", self._tile_address)

    def tile(self, tile: Tile, timing: TileTiming, passes: PassTiming, words: np.ndarray) -> None:
        """A tile is prepared, run and drained; ``words`` as ``PassTiming.words`` gives them."""
        item = self._item
        self._put("state", (_LOAD, _RUN) if item.pool else (_LOAD, _RUN, _DRAIN), 4)
        self._fetch(timing, passes, words, self._tile, final=self._is_final())
        self._rails(timing, passes, final=self._is_final())
        self._pool(timing, passes)
        if not item.pool:
            self._drain(tile)
        self._next_tile()

    def end(self) -> None:
        """The sequencer is idle again."""
        self._put("state", 0, 4)

    def _is_final(self) -> bool:
        item = self._item
        return self._tile + 1 == item.tiles_per_row and self._row + 1 == item.rows

    def _next_tile(self) -> None:
        item, final = self._item, self._is_final()
        last = self._tile + 1 == item.tiles_per_row
        self._tile = 0 if last else self._tile + 1
        self._row += int(last)
        self._tile_address += 1
        self._put("tile", self._tile)
        self._put("row", self._row)
        self._put("tile_address", self._tile_address)
        if not final:
            self._following_tile(new_row=last)

    def _rails(self, timing: TileTiming, passes: PassTiming, *, final: bool) -> None:
        """Positions and term addresses."""
        bits = self._config.window_slots.bit_length()
        for rail, first in enumerate(self._first):
            self._put(f"position{rail}", 0, bits)
            if rail >= len(passes.rails):
                self._port(f"following{rail}", first + 1)
                self._put(f"done{rail}", 1, 1)
                self._put(f"pending{rail}", 0, 1)
                continue
            terms = passes.rails[rail]
            count = len(terms.window)
            self._put(f"position{rail}", terms.window, bits)
            self._port(f"following{rail}", range(first + 1, first + count + 1))
            self._put(f"done{rail}", (0, 1), 1)
            self._put(f"pending{rail}", (1, 0), 1)
            if final:
                self._first[rail] = first + count
                self._put(f"first{rail}", first + count)

    def _pool(self, timing: TileTiming, passes: PassTiming) -> None:
        """The pooling unit's counters, and its stores."""
        item = self._item
        self._put("pool_position", 0, self._config.window_slots.bit_length())
        self._put("pool_channel", 0)
        self._put("pool_tap", 0, 2)
        self._put("pool_fresh", 1, 1)
        self._put("pool_done", int(not item.pool), 1)
        if not item.pool:
            return
        finished: list[int] = []
        free = timing.prepared - timing.run + 1
        for number, (_, window) in enumerate(passes.windows):
            free = max(free, int(timing.reads[number, 1]) + 2) + window.taps
            self._put("pool_tap", (*range(1, window.taps), 0), 2)
            self._put("pool_fresh", 0, 1)
            self._put("pool_position", number + 1, self._config.window_slots.bit_length())
            if window.channel_last:
                finished.append(free - 1)
                self._put("pool_fresh", 1, 1)
                self._put("pool_channel", len(finished))
        self._put("pool_done", 1, 1)
        stores = runs(finished)
        self._put("pool_write", [1, 0] * stores, 1)
        channels = range(item.channels)
        self._port("store_address", (self._tile_address + c * item.output_pitch for c in channels))
        self._port("store_enable", [1, 0] * stores, 1)

    def _drain(self, tile: Tile) -> None:
        """The drain's counters, and its stores."""
        item = self._item
        cores = range(item.channels)
        core_bits = self._config.cores.bit_length()
        addresses = [self._tile_address + core * item.output_pitch for core in cores]
        self._put("drain_state", (_RAW if item.raw else _REQUANTISE, 0), 2)
        self._put("drain_core", range(item.channels + 1), core_bits)
        self._put("drain_step", 0, 3)
        self._put("drain_lane", 0, self._lane_bits)
        self._put("drain_word_address", self._tile_address)
        if item.raw:
            lanes = [*range(1, tile.valid), 0] * item.channels
            self._put("drain_lane", lanes, self._lane_bits)
            return
        self._put("drain_step", [*range(1, item.steps), 0] * item.channels, 3)
        self._put("drain_word_address", [a + item.output_pitch for a in addresses])
        self._put("drain_address", addresses)
        self._port("store_address", addresses)
        stores = 1 if item.steps == 1 else item.channels
        self._port("store_enable", [1, 0] * stores, 1)
