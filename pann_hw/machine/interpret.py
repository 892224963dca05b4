"""The interpreter: executes a program in NumPy as the hardware does, on a whole batch at once.

It works on the activation memory, word by word, through the packed bundles of terms that the
hardware reads. Observers see every intermediate value, which is how flips are predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import Scale
from pann_hw.machine.observer import Observer
from pann_hw.machine.reads import Reads, gates
from pann_hw.machine.schedule import Schedule
from pann_hw.program.encoding import multiples
from pann_hw.program.layout import NO_TERM, bundle_fields, unpack
from pann_hw.program.linear import digits
from pann_hw.program.program import Columns, Pass, Program
from pann_hw.program.stores import stored_together

__all__ = ["Activations", "Execution", "execute", "requantise_steps"]


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

    def equals(self, other: Activations) -> bool:
        """Whether both are the same, for all of the batch."""
        return np.array_equal(self.memory, other.memory) and np.array_equal(
            self.registers, other.registers
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
    words : of each linear pass, uint8 (batch, words, N): the words that it reads
    """

    outputs: np.ndarray
    stores: np.ndarray
    left: Activations
    words: tuple[np.ndarray, ...]

    def words_of(self, index: int) -> list[np.ndarray]:
        """What the linear passes of one inference read: uint8 (words, N) each."""
        return [each[index] for each in self.words]

    @classmethod
    def joined(cls, parts: Sequence[Execution]) -> Execution:
        """Batches one after the other."""
        memories = [part.left.memory for part in parts]
        registers = [part.left.registers for part in parts]
        return cls(
            np.concatenate([part.outputs for part in parts]),
            np.concatenate([part.stores for part in parts]),
            Activations(np.concatenate(memories), np.concatenate(registers)),
            tuple(
                np.concatenate(arrays)
                for arrays in zip(*(part.words for part in parts), strict=True)
            ),
        )


def execute(
    program: Program,
    inputs: np.ndarray,
    *,
    found: Activations | None = None,
    observer: Observer | None = None,
    schedule: Schedule | None = None,
) -> Execution:
    """Run a program on uint8 inputs (batch, C, H, W).

    Parameters
    ----------
    found : the activation memory to begin with; changed; default all 0
    observer : sees every value
    schedule : of these inferences; an observer needs it
    """
    if found is None:
        found = Activations.reset(program.config, len(inputs))
    return _Interpreter(program, inputs, found, observer, schedule).run()


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
    window, offset : of each term
    active : whether there is a term
    multiple : what its operand is multiplied by
    turned : (bundles,), 1, or -1 where an unsigned accumulator holds the negated sum
    """

    window: np.ndarray
    offset: np.ndarray
    active: np.ndarray
    multiple: np.ndarray
    turned: np.ndarray


class _Interpreter:
    def __init__(
        self,
        program: Program,
        inputs: np.ndarray,
        found: Activations,
        observer: Observer | None,
        schedule: Schedule | None,
    ) -> None:
        self._program = program
        self._config = program.config
        self._observer = observer or Observer()
        self._schedule = schedule
        self._inputs = inputs.astype(np.uint8)
        self._batch = len(inputs)
        self._memory, self._registers = found.memory, found.registers
        self._outputs: list[np.ndarray] = []
        self._stores: list[np.ndarray] = []
        self._issued = [0] * self._config.cores
        self._words: list[np.ndarray] = []

    def run(self) -> Execution:
        self._observer.begin(self._program, self._inputs)
        self._load()
        for item in self._program.passes:
            if item.columns:
                self._linear(item, item.columns)
                continue
            reads = Reads(item, self._config.lanes)
            terms = [self._terms(bundles) for bundles in item.bundles]
            on = gates(item, self._config.lanes)
            for tile in range(item.tiles):
                rows = self._rows(item, reads, tile)
                if item.pool:
                    self._pool(item, tile, rows)
                else:
                    self._accumulate(item, tile, rows, terms, on)
        self._observer.end()
        outputs = np.concatenate(self._outputs, 1)
        left = Activations(self._memory, self._registers)
        stores = np.array(self._stores, np.uint8).reshape(-1, self._batch, self._config.lanes)
        return Execution(outputs, stores.swapaxes(0, 1), left, tuple(self._words))

    def _load(self) -> None:
        place = self._program.placements[self._program.input]
        grid = place.grid
        height, width = grid.size
        word, lane = grid.place(*np.divmod(np.arange(height * width), width))
        channels = place.shape[0]
        for channel in range(channels):
            group, bank = divmod(channel, place.banks)
            elements = self._inputs.reshape(self._batch, channels, -1)[:, channel]
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
        multiple = multiples(self._config, field("factor"), field("negative"))
        active = offset != NO_TERM
        turned = np.ones(len(records), np.int64)
        if self._config.unsigned:
            negative = (active & (field("negative") != 0)).any(1)
            # A bundle without a term turns nothing, unless it is the last one.
            kept = np.maximum.accumulate(np.where(active.any(1), np.arange(len(records)), 0))
            turned = np.where(negative[kept], -1, 1)
            turned[-1] = -1 if negative[-1] else 1
        return _Terms(window, offset, active, multiple, turned)

    def _rows(self, item: Pass, reads: Reads, tile: int) -> np.ndarray:
        """The windows of a tile: uint8 (batch, windows, N)."""
        addresses, lanes = reads.addresses(tile), reads.lanes(tile)
        banks = item.segments[0].banks
        words = self._memory[:, :, addresses].swapaxes(1, 2)  # batch, groups, banks, N
        turned = np.take_along_axis(
            words, np.maximum(lanes, 0)[None, :, None, :].repeat(banks, 2), 3
        )
        windows = np.where(lanes[None, :, None] >= 0, turned, reads.pads[None, :, None, None])
        self._observer.words(words)
        self._observer.rows(windows)
        return windows.reshape(self._batch, -1, self._config.lanes)

    def _accumulate(
        self, item: Pass, tile: int, rows: np.ndarray, terms: list[_Terms], on: np.ndarray
    ) -> None:
        lane = np.arange(self._config.lanes)
        totals = []
        for core, here in enumerate(terms):
            source = lane + here.offset[..., None] - 1
            source = np.clip(source, 0, len(lane) - 1)
            operands = rows[:, here.window[..., None], source] * on[here.offset]
            count = len(here.window)
            start = self._issued[core]
            self._issued[core] += count
            if self._schedule:
                cycles = self._schedule.issued[core][start : start + count, 0]
                self._observer.operands(core, cycles, operands, here.active)
            # Without a term there is no operand either.
            delta = operands.astype(np.int64) * here.multiple[..., None]
            sums = np.cumsum(delta.sum(2), axis=1)
            self._observer.accumulator(core, sums * here.turned[:, None])
            totals.append(sums[:, -1] + item.bias[core])
        self._drain(item, tile, totals)

    def _linear(self, item: Pass, columns: Columns) -> None:
        """A linear pass: every activation that it reads, times its column of weights."""
        place = slice(columns.base, columns.base + columns.words)
        words = self._memory[:, :, place].swapaxes(1, 2)  # batch, addresses, banks, N
        self._observer.words(words)
        number = len(self._words)
        self._words.append(words.reshape(self._batch, -1, self._config.lanes).copy())
        x = words[:, columns.looked_at(words.shape[2]), : columns.span]
        x = x.reshape(self._batch, -1).astype(np.int64)
        base = self._config.largest_weight + 1
        totals = []
        for core, weights in enumerate(columns.weights):
            bias = np.zeros(self._config.lanes, np.int64)
            for digit in weights[: columns.biases]:
                bias = bias * base + digit
            if self._schedule:
                cycles = self._schedule.linear[number][:, 0]
                self._observe_linear(core, x[0], weights, columns.biases, cycles)
            totals.append(x @ weights[columns.biases :] + bias)
        self._drain(item, 0, totals)

    def _observe_linear(
        self, core: int, x: np.ndarray, weights: np.ndarray, biases: int, cycles: np.ndarray
    ) -> None:
        """Show what one core adds in a linear pass of one inference, addition by addition."""
        config = self._config
        base = config.largest_weight + 1
        shown = [(digit, [0]) for digit in weights[:biases]]
        shown += [
            (weights[biases + index], shifts)
            for index in np.flatnonzero(x)
            for shifts in digits(int(x[index]), config.shift, config.terms)
        ]
        adds = np.zeros((len(shown), config.terms), bool)
        sums = np.zeros((len(shown), config.lanes), np.int64)
        total = np.zeros(config.lanes, np.int64)
        for number, (weight, shifts) in enumerate(shown):
            adds[number, : len(shifts)] = True
            if number < biases:
                total = total * base
            sums[number] = total = total + weight * sum(1 << shift for shift in shifts)
        magnitudes = np.abs([weight for weight, _ in shown]).astype(np.uint8)
        self._observer.operands(core, cycles, (magnitudes[:, None] * adds[..., None])[None], adds)
        self._observer.accumulator(core, sums[None])

    def _drain(self, item: Pass, tile: int, totals: list[np.ndarray]) -> None:
        """The sums of all cores (batch, N), stored in words of several cores at a time."""
        if item.raw:
            lanes = [lane for lane, _, _ in item.grid.lanes(tile)]
            for core in range(len(totals)):
                self._observer.drained(core, lanes[-1] + 1)
            self._outputs += [total[:, lanes] for total in totals]
            return
        for channels in stored_together(item, self._config.requantisers):
            words = []
            for core in channels:
                self._observer.drained(core, self._config.lanes)
                states = requantise_steps(totals[core], item.scales[core], item.steps)
                self._observer.requantiser(core, states)
                word = ((states[:, -1] + 1) >> 1).clip(0, item.q_max).astype(np.uint8)
                words.append((*item.place(core), word))
            self._store(item, tile, words)

    def _pool(self, item: Pass, tile: int, rows: np.ndarray) -> None:
        segment = item.segments[0]
        taps = segment.kernel[0] * segment.kernel[1]
        shape = (self._batch, segment.groups, taps, segment.banks, self._config.lanes)
        states = np.maximum.accumulate(rows.reshape(shape), axis=2)
        self._observer.pool(states.reshape(self._batch, -1, *shape[3:]))
        for group in range(segment.groups):
            self._store(
                item,
                tile,
                [
                    (*item.place(group * segment.banks + bank), states[:, group, -1, bank])
                    for bank in range(segment.banks)
                ],
            )

    def _store(self, item: Pass, tile: int, words: list[tuple[int, int, np.ndarray]]) -> None:
        """Words of several banks, each (bank, its channel's first word, elements)."""
        for place, source, written in item.stores(tile, self._config.lanes):
            for bank, address, word in words:
                stored = word[:, source]
                self._memory[:, bank, address + place, written] = stored[:, written]
                self._registers[:, bank] = stored
                self._stores.append(stored)
                self._observer.store(bank, address + place, stored)
