"""The interpreter: executes a program in NumPy as the hardware does, on a whole batch at once.

It works on the activation memory, word by word, through the same descriptor fields and packed
terms as the hardware. Observers see every intermediate value, which is how flips are predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.integer.requantise import Scale
from pann_hw.program.observer import Observer, Rows
from pann_hw.program.program import Pass, Program
from pann_hw.program.timing import (
    PassTiming,
    Tile,
    TileTiming,
    inference_cycles,
    pass_timing,
    tile_schedules,
)

__all__ = [
    "Execution",
    "execute",
    "output_map",
    "requantise_steps",
    "store_map",
]


@dataclass(frozen=True, eq=False)
class Execution:
    """The result of a program.

    Attributes
    ----------
    outputs : int64 (batch, outputs), in the order of the output stream
    stores : uint8 (batch, stores, N): every stored word, in order (see :func:`store_map`)
    cycles : of one inference
    """

    outputs: np.ndarray
    stores: np.ndarray
    cycles: int


def execute(program: Program, inputs: np.ndarray, observer: Observer | None = None) -> Execution:
    """Run a program on uint8 inputs (batch, C, H, W)."""
    return _Interpreter(program, inputs, observer or Observer()).run()


def requantise_steps(sums: np.ndarray, scale: Scale, steps: int) -> np.ndarray:
    """The requantiser's register after each step: (batch, steps, N) from ``sums`` (batch, N)."""
    states, r = [], np.zeros_like(sums)
    for digit, shift in ((0, 0),) * (steps - len(scale.steps)) + scale.steps:
        r = (r + digit * sums) >> shift
        states.append(r)
    return np.stack(states, 1)


class _Interpreter:
    def __init__(self, program: Program, inputs: np.ndarray, observer: Observer) -> None:
        self._program = program
        self._observer = observer
        self._inputs = inputs.astype(np.uint8)
        config = program.config
        self._lanes = config.lanes
        self._batch = len(inputs)
        words = config.activation_words
        self._memory = np.zeros((self._batch, words, config.lanes), np.uint8)
        self._outputs: list[np.ndarray] = []
        self._stores: list[np.ndarray] = []

    def run(self) -> Execution:
        self._observer.begin(self._program, self._inputs)
        self._load()
        timings = pass_timing(self._program)
        for item, timing in zip(self._program.passes, timings, strict=True):
            self._observer.begin_pass(item, timing)
            for number, (tile, schedule, _) in enumerate(tile_schedules(timing)):
                rows = self._rows(item, timing, tile)
                self._observer.tile(tile, schedule, rows)
                if item.pool:
                    self._pool(item, timing, number, rows)
                else:
                    self._accumulate(item, timing, number, tile, schedule, rows)
        self._observer.end()
        outputs = np.concatenate(self._outputs, 1)
        cycles = sum(inference_cycles(self._program, timings))
        stores = np.array(self._stores, np.uint8).reshape(-1, self._batch, self._lanes)
        return Execution(outputs, stores.swapaxes(0, 1), cycles)

    def _load(self) -> None:
        place = self._program.placements[self._program.input]
        channels, height, width = place.shape
        padded = np.zeros((self._batch, channels, height, place.row_words * self._lanes), np.uint8)
        padded[..., :width] = self._inputs
        block = padded.reshape(self._batch, place.words, self._lanes)
        self._memory[:, place.base : place.base + place.words] = block

    def _rows(self, item: Pass, timing: PassTiming, tile: Tile) -> Rows:
        """Fetch all windows of a tile, by word addresses as the hardware makes them."""
        ranges = timing.words(tile)
        elements, words = [], []
        addresses: list[int] = []
        owners: list[int] = []
        for number, (index, window) in enumerate(timing.windows):
            segment = item.segments[index]
            fields = segment.fields(self._lanes)
            first, last = ranges[number]
            row = (
                fields["origin"]
                + window.channel * fields["channel_pitch"]
                + tile.row * fields["row_step"]
                + window.row * fields["row_words"]
            )
            x = tile.index * self._lanes * segment.stride[1] - segment.padding[1] + window.base
            position = x + segment.stride[1] * np.arange(self._lanes + 2)
            inside = (position >= first * self._lanes) & (position < (last + 1) * self._lanes)
            inside &= position < segment.width
            address = (row + position // self._lanes) % 2**16
            element = np.where(inside, address * self._lanes + position % self._lanes, -1)
            elements.append(element)
            # A window that reads nothing is written once, as padding.
            in_word = (position >= first * self._lanes) & (position < (last + 1) * self._lanes)
            words.append(np.where(in_word, position // self._lanes - first, -1))
            addresses += [(row + word) % 2**16 for word in range(first, last + 1)]
            owners += [number] * (last - first + 1)
        index_table = np.array(elements)
        flat = self._memory.reshape(self._batch, -1)
        pads = np.array([item.segments[i].pad_value for i, _ in timing.windows], np.uint8)
        fetched = flat[:, np.maximum(index_table, 0)]
        values = np.where(index_table >= 0, fetched, pads[:, None])
        reads = np.array(addresses, int)
        return Rows(values, np.array(words), pads, np.array(owners, int), self._memory[:, reads])

    def _accumulate(
        self,
        item: Pass,
        timing: PassTiming,
        number: int,
        tile: Tile,
        schedule: TileTiming,
        rows: Rows,
    ) -> None:
        rails = self._program.config.rails
        lane_on = np.arange(self._lanes) < tile.valid
        for core in range(item.channels):
            parts = []
            for rail in range(rails):
                values, cycles, delta = self._rail(timing, schedule, rows, core, rail, lane_on)
                self._observer.operands(core * rails + rail, values, cycles)
                parts.append((cycles, delta))
            moments = np.unique(np.concatenate([cycles for cycles, _ in parts]))
            total = np.zeros((self._batch, len(moments), self._lanes), np.int64)
            for cycles, delta in parts:
                total[:, np.searchsorted(moments, cycles)] += delta
            sums = item.bias[core] + np.cumsum(total, axis=1)
            self._observer.accumulator(core, item.bias[core], sums)
            bias = np.full((self._batch, self._lanes), item.bias[core], np.int64)
            self._drain(item, number, tile, core, sums[:, -1] if len(moments) else bias)

    def _rail(
        self,
        timing: PassTiming,
        schedule: TileTiming,
        rows: Rows,
        core: int,
        rail: int,
        lane_on: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Operands of a rail's adding terms, their cycles, and what they add to the accumulator."""
        index = core * self._program.config.rails + rail
        terms, cycles = timing.rails[index], schedule.issue[index]
        adding = terms.add == 1
        lanes = np.arange(self._lanes) + terms.offset[adding, None]
        operands = rows.elements[:, terms.window[adding, None], lanes] * lane_on.astype(np.uint8)
        negative = (terms.subtract[adding] == 1) | (rail == 1)
        sign = np.where(negative, -1, 1)
        delta = (operands.astype(np.int64) << terms.shift[adding, None]) * sign[:, None]
        return operands, cycles[adding], delta

    def _drain(self, item: Pass, number: int, tile: Tile, core: int, sums: np.ndarray) -> None:
        if item.raw:
            self._outputs.append(sums[:, : tile.valid])
            return
        states = requantise_steps(sums, item.scales[core], item.steps)
        self._observer.requantiser(core, states)
        word = ((states[:, -1] + 1) >> 1).clip(0, item.q_max).astype(np.uint8)
        self._store(item.output_base + core * item.output_pitch + number, word)

    def _pool(self, item: Pass, timing: PassTiming, number: int, rows: Rows) -> None:
        states = []
        current = np.zeros((self._batch, self._lanes), np.uint8)
        channel, fresh = 0, True
        for index, (_, window) in enumerate(timing.windows):
            for tap in range(window.taps):
                row = rows.elements[:, index, tap : tap + self._lanes]
                current = row if fresh else np.maximum(current, row)
                fresh = False
                states.append(current)
            if window.channel_last:
                self._store(item.output_base + channel * item.output_pitch + number, current)
                channel, fresh = channel + 1, True
        self._observer.pool(np.stack(states, 1))

    def _store(self, address: int, word: np.ndarray) -> None:
        self._memory[:, address] = word
        self._stores.append(word)
        self._observer.store(address, word)


def store_map(program: Program) -> list[tuple[int, int, int, int, int]]:
    """What each stored word is, in order: (layer, channel, row, first column, valid elements)."""
    lanes = program.config.lanes
    entries = []
    for item, timing in zip(program.passes, pass_timing(program), strict=True):
        if item.raw:
            continue
        for tile in timing.tiles():
            entries += [
                (item.layer, item.first_channel + channel, tile.row, tile.index * lanes, tile.valid)
                for channel in range(item.channels)
            ]
    return entries


def output_map(program: Program) -> list[tuple[int, int, int]]:
    """Which (channel, row, column) each element of the output stream is, in order."""
    lanes = program.config.lanes
    entries = []
    for item, timing in zip(program.passes, pass_timing(program), strict=True):
        if not item.raw:
            continue
        for tile in timing.tiles():
            entries += [
                (item.first_channel + core, tile.row, tile.index * lanes + lane)
                for core in range(item.channels)
                for lane in range(tile.valid)
            ]
    return entries
