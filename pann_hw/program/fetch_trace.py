"""The values that the fetch path's registers take: window sequencer, row reader, row buffer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import TAPS
from pann_hw.program.program import Pass
from pann_hw.program.timing import PassTiming, TileTiming

__all__ = ["FetchTrace", "runs"]


def runs(cycles: list[int]) -> int:
    """Unbroken runs of consecutive cycles."""
    return int((np.diff(cycles) != 1).sum()) + 1 if cycles else 0


class FetchTrace:
    """Registers between a pass's descriptor and the row buffer, tile by tile.

    Attributes
    ----------
    values : (class, signal) -> the values taken in this inference, in order
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._lane_bits = config.lanes.bit_length() - 1
        self.values: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def _put(self, signal: str, values: Iterable[int] | int, bits: int = 16) -> None:
        self._add("control", signal, values, bits)

    def _port(self, signal: str, values: Iterable[int] | int, bits: int = 16) -> None:
        self._add("memory_ports", signal, values, bits)

    def _add(self, group: str, signal: str, values: Iterable[int] | int, bits: int) -> None:
        mask = (1 << bits) - 1
        several = (values,) if isinstance(values, int) else values
        self.values[group, signal] += [int(value) & mask for value in several]

    def _first_tile(self, item: Pass) -> None:
        """Take a pass's first tile."""
        self._segments = [segment.fields(self._config.lanes) for segment in item.segments]
        self._row_address = [segment["origin"] for segment in self._segments]
        self._row_y = [-segment["pad_top"] for segment in self._segments]
        self._tile_x = [-segment["pad_left"] for segment in self._segments]

    def _following_tile(self, *, new_row: bool) -> None:
        """Take a pass's next tile."""
        for index, segment in enumerate(self._segments):
            if new_row:
                self._row_address[index] += segment["row_step"]
                self._row_y[index] += segment["stride_y"]
                self._tile_x[index] = -segment["pad_left"]
            else:
                self._tile_x[index] += segment["stride_x"] << self._lane_bits

    def _fetch(
        self,
        timing: TileTiming,
        passes: PassTiming,
        words: np.ndarray,
        tile: int,
        *,
        final: bool,
    ) -> None:
        """Window sequencer, reader and row buffer, until the last term of a row's tile-th tile."""
        slots = self._config.window_slots
        count_bits = slots.bit_length()
        reads = timing.reads
        accepted = int((reads[:, 1] < timing.prepared).sum())
        for index in range(len(self._segments)):
            self._put(f"row_address{index}", self._row_address[index])
            self._put(f"row_y{index}", self._row_y[index], 20)
            self._put(f"tile_x{index}", self._tile_x[index], 18)
        self._put("sequencer_tile", tile)
        self._put("active", 1, 1)
        self._put("accepted", np.arange(accepted + 1) % (2 * slots), count_bits)
        # Preparing the next tile empties the ring as the last write would fill it.
        emptied = 0 if final else int((reads[:, 1] == timing.prepared - 1).sum())
        self._put("filled", np.arange(accepted + 1 - emptied) % (2 * slots), count_bits)
        cycles: list[int] = []
        reading: list[int] = []
        total = len(passes.windows)
        for number in range(min(accepted + 1, total)):
            index, window = passes.windows[number]
            segment = self._segments[index]
            channel = self._row_address[index] + window.channel * segment["channel_pitch"]
            address = channel + window.row * segment["row_words"]
            self._put("window_segment", index, 1)
            self._put("channel", window.channel)
            self._put("kernel_row", window.row, 8)
            self._put("base", window.base, 8)
            self._put("phase", window.base % (TAPS * segment["stride_x"]), 8)
            self._put("channel_address", channel)
            self._put("address", address)
            self._put("y", self._row_y[index] + window.row, 20)
            x = self._tile_x[index] + window.base
            spans = range(reads[number, 0], min(reads[number, 1] + 1, timing.prepared))
            nothing = bool(words[number, 1] < words[number, 0])
            self._reader(
                segment, address, x, len(spans), reads[number], nothing=nothing, final=final
            )
            if spans:
                self._put(f"taps{number % slots}", window.taps, 2)
                self._put(f"channel_last{number % slots}", int(window.channel_last), 1)
            cycles += spans
            reading += [] if nothing else spans
        if accepted == total:
            index, window = passes.windows[-1]
            segment = self._segments[index]
            channel = self._row_address[index] + window.channel * segment["channel_pitch"]
            address = channel + window.row * segment["row_words"]
            self._put("active", 0, 1)
            self._put("base", 0, 8)
            self._put("phase", 0, 8)
            self._request(address, self._tile_x[index], 0)
        self._put("write", [1, 0] * runs(cycles), 1)
        self._port("read", [1, 0] * runs(reading), 1)

    def _request(self, address: int, x: int, step: int) -> int:
        """The reader's address for the step-th word of a window; gives the word's offset."""
        low = max(0, -(x >> self._lane_bits)) & ((1 << self._offset_bits) - 1)
        self._port("address", address + (x >> self._lane_bits) + low + step)
        return low + step

    @property
    def _offset_bits(self) -> int:
        lanes = self._config.lanes
        span_bits = (lanes + self._config.max_stride * (lanes + 1)).bit_length()
        return (2 * span_bits).bit_length()

    def _reader(
        self,
        segment: dict[str, int],
        address: int,
        x: int,
        count: int,
        reads: np.ndarray,
        *,
        nothing: bool,
        final: bool,
    ) -> None:
        """``count`` reads of a window, of those that it needs, and what it is left with."""
        needed = int(reads[1] - reads[0]) + 1
        for step in range(count):
            offset = self._request(address, x, step)
            word = (x >> self._lane_bits) + offset
            self._put("reader_busy", int(step < needed - 1), 1)
            self._put("following", offset + 1, self._offset_bits)
            self._put("held_offset", offset, self._offset_bits)
            self._put("held_rotation", x, self._lane_bits)
            self._put("held_nothing", int(nothing), 1)
            self._put("held_first", int(step == 0), 1)
            self._put("held_tail", int(word + 1 == segment["row_words"]), 1)
            self._put("held_stride", segment["stride_x"], 3)
            self._put("held_last_valid", segment["last_valid"], 8)
            self._put("held_pad_value", segment["pad_value"], 8)
        if count < needed:
            if count:
                self._request(address, x, count)
            self._put("reader_busy", 0, 1)
            if not count or final:
                self._request(address, x, 0)
