"""The interpreter: executes a program in NumPy as the hardware does, on a whole batch at once.

It works on the activation memory, word by word, through the packed bundles of terms that the
hardware reads. Observers see every intermediate value, which is how flips are predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import Scale
from pann_hw.machine.machine import Machine, Schedule
from pann_hw.machine.observer import Observer
from pann_hw.program.image import link
from pann_hw.program.layout import NO_TERM, bundle_fields, unpack
from pann_hw.program.program import Pass, Program

__all__ = ["Activations", "Execution", "execute", "output_map", "requantise_steps", "store_map"]


@dataclass(frozen=True, eq=False)
class Activations:
    """The activation memory, and the registers in front of it.

    Attributes
    ----------
    memory : uint8 (batch, banks, words, N)
    registers : uint8 (batch, banks, N), the word that each bank stores next
    """

    memory: np.ndarray
    registers: np.ndarray

    @classmethod
    def reset(cls, config: AcceleratorConfig, batch: int) -> Activations:
        """All 0."""
        shape = (batch, config.banks, config.bank_words, config.lanes)
        registers = np.zeros((batch, config.banks, config.lanes), np.uint8)
        return cls(np.zeros(shape, np.uint8), registers)

    def after(self, last: Activations) -> Activations:
        """What each inference of a batch finds where these are what each leaves; the first,
        ``last``."""
        return Activations(
            np.concatenate([last.memory[-1:], self.memory[:-1]]),
            np.concatenate([last.registers[-1:], self.registers[:-1]]),
        )

    def repeated(self, batch: int) -> Activations:
        """The last one for a whole batch."""
        return Activations(
            np.repeat(self.memory[-1:], batch, 0), np.repeat(self.registers[-1:], batch, 0)
        )


@dataclass(frozen=True, eq=False)
class Execution:
    """The result of a program.

    Attributes
    ----------
    outputs : int64 (batch, outputs), in the order of the output stream
    stores : uint8 (batch, stores, N): every stored word, in order (see :func:`store_map`)
    left : the activation memory at the end
    cycles : of one inference
    """

    outputs: np.ndarray
    stores: np.ndarray
    left: Activations
    cycles: int


def execute(
    program: Program,
    inputs: np.ndarray,
    observer: Observer | None = None,
    schedule: Schedule | None = None,
    found: Activations | None = None,
) -> Execution:
    """Run a program on uint8 inputs (batch, C, H, W).

    Parameters
    ----------
    schedule : of the inference, where it is known; observers see its cycles
    found : the activation memory to begin with; changed; default all 0
    """
    if schedule is None:
        schedule = Machine(link([program])).run(0)
    if found is None:
        found = Activations.reset(program.config, len(inputs))
    return _Interpreter(program, inputs, observer or Observer(), schedule, found).run()


def requantise_steps(sums: np.ndarray, scale: Scale, steps: int) -> np.ndarray:
    """The requantiser's register after each step: (batch, steps, N) from ``sums`` (batch, N)."""
    states, r = [], np.zeros_like(sums)
    for digit, shift in ((0, 0),) * (steps - len(scale.steps)) + scale.steps:
        r = (r + digit * sums) >> shift
        states.append(r)
    return np.stack(states, 1)


@dataclass(frozen=True, eq=False)
class _Terms:
    """One core's bundles of a tile, taken apart: arrays (bundles, terms).

    Attributes
    ----------
    window, offset, shift : of each term
    sign : 1, -1, or 0 for no term
    """

    window: np.ndarray
    offset: np.ndarray
    shift: np.ndarray
    sign: np.ndarray


class _Interpreter:
    def __init__(
        self,
        program: Program,
        inputs: np.ndarray,
        observer: Observer,
        schedule: Schedule,
        found: Activations,
    ) -> None:
        self._program = program
        self._config = program.config
        self._observer = observer
        self._schedule = schedule
        self._inputs = inputs.astype(np.uint8)
        self._batch = len(inputs)
        self._memory, self._registers = found.memory, found.registers
        self._outputs: list[np.ndarray] = []
        self._stores: list[np.ndarray] = []
        self._issued = [0] * self._config.cores

    def run(self) -> Execution:
        self._observer.begin(self._program, self._inputs, self._schedule)
        self._load()
        for item in self._program.passes:
            reads = _Reads(item, self._config.lanes)
            terms = [self._terms(bundles) for bundles in item.bundles]
            gates = _gates(item, self._config.lanes)
            for tile in range(item.tiles):
                rows = self._rows(item, reads, tile)
                if item.pool:
                    self._pool(item, tile, rows)
                else:
                    self._accumulate(item, tile, rows, terms, gates)
        self._observer.end()
        outputs = np.concatenate(self._outputs, 1)
        left = Activations(self._memory, self._registers)
        stores = np.array(self._stores, np.uint8).reshape(-1, self._batch, self._config.lanes)
        return Execution(outputs, stores.swapaxes(0, 1), left, self._schedule.cycles)

    def _load(self) -> None:
        place = self._program.placements[self._program.input]
        grid = place.grid
        height, width = grid.size
        word, lane = grid.place(*np.divmod(np.arange(height * width), width))
        for channel in range(place.shape[0]):
            group, bank = divmod(channel, place.banks)
            elements = self._inputs[:, channel].reshape(self._batch, -1)
            self._memory[:, bank, place.base + group * grid.words + word, lane] = elements
            # The register keeps what each lane took last.
            words = np.repeat(self._registers[:, bank, None], len(lane), 1)
            for number in np.unique(lane):
                taken = np.flatnonzero(lane == number)
                lengths = np.diff([*taken, len(lane)])
                words[:, taken[0] :, number] = np.repeat(elements[:, taken], lengths, 1)
            self._registers[:, bank] = words[:, -1]
            self._observer.load(bank, words)

    def _terms(self, bundles: np.ndarray) -> _Terms:
        fields = bundle_fields(self._config)
        records = [unpack(fields, int(bundle)) for bundle in bundles]
        terms = range(self._config.terms)

        def field(name: str) -> np.ndarray:
            return np.array([[r.get(f"{name}{n}", 0) for n in terms] for r in records])

        window = np.cumsum([record["advance"] for record in records])[:, None] + field("ahead")
        offset = field("offset")
        sign = np.where(offset == NO_TERM, 0, 1 - 2 * field("negative"))
        return _Terms(window, offset, field("shift"), sign)

    def _rows(self, item: Pass, reads: _Reads, tile: int) -> np.ndarray:
        """The windows of a tile: uint8 (batch, windows, N)."""
        addresses, lanes = reads.addresses(tile), reads.lanes(tile)
        banks = item.segments[0].banks
        words = self._memory[:, :, addresses].swapaxes(1, 2)  # batch, groups, banks, N
        turned = np.take_along_axis(
            words, np.maximum(lanes, 0)[None, :, None, :].repeat(banks, 2), 3
        )
        windows = np.where(lanes[None, :, None] >= 0, turned, reads.pads[None, :, None, None])
        self._observer.rows(words, windows)
        return windows.reshape(self._batch, -1, self._config.lanes)

    def _accumulate(
        self, item: Pass, tile: int, rows: np.ndarray, terms: list[_Terms], gates: np.ndarray
    ) -> None:
        lane = np.arange(self._config.lanes)
        for core, here in enumerate(terms):
            source = lane + here.offset[..., None] - 1
            source = np.clip(source, 0, len(lane) - 1)
            operands = rows[:, here.window[..., None], source] * gates[here.offset]
            count = len(here.window)
            start = self._issued[core]
            self._issued[core] += count
            cycles = self._schedule.issued[core][start : start + count, 0]
            self._observer.operands(core, cycles, operands, here.sign != 0)
            delta = (operands.astype(np.int64) << here.shift[..., None]) * here.sign[..., None]
            sums = np.cumsum(delta.sum(2), axis=1)
            self._observer.accumulator(core, sums)
            self._drain(item, tile, core, sums[:, -1] + item.bias[core])

    def _drain(self, item: Pass, tile: int, core: int, sums: np.ndarray) -> None:
        if item.raw:
            lanes = [lane for lane, _, _ in item.grid.lanes(tile)]
            self._outputs.append(sums[:, lanes])
            return
        states = requantise_steps(sums, item.scales[core], item.steps)
        self._observer.requantiser(states)
        word = ((states[:, -1] + 1) >> 1).clip(0, item.q_max).astype(np.uint8)
        self._keep(item, core, tile, word)

    def _pool(self, item: Pass, tile: int, rows: np.ndarray) -> None:
        segment = item.segments[0]
        taps = segment.kernel[0] * segment.kernel[1]
        shape = (self._batch, segment.groups, taps, segment.banks, self._config.lanes)
        states = np.maximum.accumulate(rows.reshape(shape), axis=2)
        self._observer.pool(states.reshape(self._batch, -1, *shape[3:]))
        for channel in range(segment.channels):
            bank, _ = item.place(channel)
            self._keep(item, channel, tile, states[:, channel // segment.banks, -1, bank])

    def _keep(self, item: Pass, channel: int, tile: int, word: np.ndarray) -> None:
        bank, address = item.place(channel)
        if not item.halve:
            self._store(bank, address + tile, word)
            return
        for phase in (0, 1):
            place, source, on = _half(item, tile, phase, self._config.lanes)
            kept = self._memory[:, bank, address + place]
            self._store(bank, address + place, np.where(on, word[:, source], kept))

    def _store(self, bank: int, address: int, word: np.ndarray) -> None:
        self._memory[:, bank, address] = word
        self._registers[:, bank] = word
        self._stores.append(word)
        self._observer.store(bank, address, word)


class _Reads:
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


def _gates(item: Pass, lanes: int) -> np.ndarray:
    """uint8 (4, N): for each offset, and for no term, 1 in lanes that see their element, else 0."""
    grid = item.grid
    strip, column = np.divmod(np.arange(lanes), grid.columns)
    on = (strip < grid.strips) & (column < grid.columns_used)
    return np.array(
        [on & (column > 0), on, on & (column < grid.columns - 1), np.zeros(lanes, bool)], np.uint8
    )


def _half(item: Pass, tile: int, phase: int, lanes: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Word, lanes that it takes, and those it is stored in, of a half of a tile's word."""
    grid, half = item.grid, item.output.grid
    row, step = divmod(tile, grid.steps)
    lower, row = divmod(row, half.rows)
    lane = np.arange(lanes)
    source = lane // grid.columns * grid.columns + (2 * lane + phase) % grid.columns
    on = lane // half.columns % 2 == lower
    return row * half.steps + phase * grid.steps + step, source, on


def store_map(program: Program) -> list[tuple[int, int, list[tuple[int, int, int]]]]:
    """What each stored word is, in order: (layer, channel, [(lane, row, column) of each pixel]).

    Channels, rows and columns are the integer network's.
    """
    entries = []
    for item in program.passes:
        if item.raw:
            continue
        order, channels = program.channel_orders[item.layer], item.channels
        if item.pool:
            channels = item.segments[0].channels
        for tile in range(item.tiles):
            if item.halve:
                words = []
                for phase in (0, 1):
                    place, _, on = _half(item, tile, phase, program.config.lanes)
                    words.append([one for one in item.output.grid.lanes(place) if on[one[0]]])
            else:
                words = [item.grid.lanes(tile)]
            entries += [
                (
                    item.layer,
                    order[item.first_channel + channel] if channel < item.channels else 0,
                    lanes if channel < item.channels else [],
                )
                for channel in range(channels)
                for lanes in words
            ]
    return entries


def output_map(program: Program) -> list[tuple[int, int, int]]:
    """Which (channel, row, column) each element of the output stream is, in order."""
    return [
        (item.first_channel + core, row, column)
        for item in program.passes
        if item.raw
        for tile in range(item.tiles)
        for core in range(item.channels)
        for _, row, column in item.grid.lanes(tile)
    ]
