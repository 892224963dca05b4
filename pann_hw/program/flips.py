"""Flips that a program and its data must cause, predicted signal by signal without RTL.

Operands, accumulators, term streams, row buffer and requantiser follow from values alone and are
exact; of the memories' ports and of control, data and descriptors are exact and counters are
estimated at two flips a step.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.program.chain import Chain, counter_flips
from pann_hw.program.image import link
from pann_hw.program.interpret import Observer, Rows
from pann_hw.program.layout import MAX_POINTS, POINT_WORDS, directory_stride
from pann_hw.program.program import Pass, Program
from pann_hw.program.timing import PassTiming, Tile, TileTiming

__all__ = ["CLASSES", "FlipPredictor"]

CLASSES = (
    "operand",
    "accumulator",
    "term_stream",
    "row_buffer",
    "requantiser",
    "memory_ports",
    "control",
)
"""Signal classes of toggle counts.

operand: the rails' operands at each lane; accumulator: accumulator registers; term_stream: term
words and the rails' registered control; row_buffer: buffered input rows; requantiser: its
registers; memory_ports: address, enable and data of the activation memory, address and data of the
descriptor memory, term addresses; control: registers of sequencers, loaders, counters, descriptors.
"""

Key = tuple[str, str]
"""(signal class, signal)."""


class FlipPredictor(Observer):
    """Predicts flips per class of inferences that run one after another from reset.

    Use one predictor for a whole run: what one call of ``execute`` leaves in the registers, the
    next one finds.

    Attributes
    ----------
    flips : class (each of CLASSES) -> int64 (batch,), of the last call
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._left: dict[Key, np.ndarray | int] = {}
        self._chains: dict[Key, Chain] = {}
        self._plain: defaultdict[str, np.ndarray | int] = defaultdict(int)
        self.flips: dict[str, np.ndarray] = {}

    def _push(self, signal_class: str, signal: str, values: np.ndarray) -> None:
        key = (signal_class, signal)
        if key not in self._chains:
            self._chains[key] = Chain(self._batch)
        self._chains[key].push(values)

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        self._program = program
        self._batch = len(inputs)
        self._chains = {}
        self._plain = defaultdict(int)
        descriptors = link([program]).descriptors
        start = POINT_WORDS + self._config.cores * self._config.rails
        self._push("memory_ports", "descriptor", descriptors[None, :start])
        self._descriptors = descriptors[MAX_POINTS * directory_stride(self._config) :]
        self._input(inputs)

    def _input(self, inputs: np.ndarray) -> None:
        place = self._program.placements[self._program.input]
        lanes = self._config.lanes
        channels, height, width = place.shape
        rows = np.arange(channels * height)[:, None] * place.row_words
        address = (place.base + rows + np.arange(width) // lanes).reshape(1, -1)
        elements = inputs.reshape(self._batch, -1, 1).repeat(lanes, 2)
        self._push("memory_ports", "store_address", address.astype(np.uint16))
        self._push("memory_ports", "store_word", elements)
        # One enable falls and the next rises with every element that goes to another lane.
        self._plain["memory_ports"] += 2 * inputs[0].size
        self._plain["control"] += counter_flips(3 * inputs[0].size)

    def begin_pass(self, item: Pass, timing: PassTiming) -> None:
        words = timing.descriptor_cycles - 2
        block, self._descriptors = self._descriptors[:words], self._descriptors[words:]
        self._push("memory_ports", "descriptor", block[None])
        for index, word in enumerate(block):
            self._push("control", f"descriptor{index}", np.array([[word]]))
        self._plain["memory_ports"] += counter_flips(words)
        self._plain["control"] += counter_flips(words)
        self._timing = timing
        self._item = item

    def tile(self, tile: Tile, timing: TileTiming, rows: Rows) -> None:
        self._rows(timing, rows)
        windows = len(rows.pads)
        self._plain["control"] += counter_flips(5 * windows + 6)
        for rail, terms in enumerate(self._timing.rails):
            core, position = divmod(rail, self._config.rails)
            stream = self._item.terms[core][position][None]
            self._push("term_stream", f"word{rail}", stream)
            self._plain["memory_ports"] += counter_flips(stream.size)
            self._plain["control"] += counter_flips(int((np.diff(terms.window) > 0).sum()) + 2)
            adding = terms.add == 1
            for name, values in (
                ("slot", terms.window % self._config.window_slots),
                ("offset", terms.offset),
                ("shift", terms.shift),
                ("subtract", terms.subtract),
            ):
                chosen = values[adding][None].astype(np.uint16)
                self._push("term_stream", f"{name}{rail}", chosen)

    def _rows(self, timing: TileTiming, rows: Rows) -> None:
        """The reader's writes, one for each word of each window, and its memory reads."""
        reads = timing.reads
        counts = reads[:, 1] - reads[:, 0] + 1
        contents: dict[int, list[np.ndarray]] = defaultdict(list)
        for window, count in enumerate(counts):
            for word in range(count):
                if reads[window, 0] + word >= timing.prepared:
                    continue
                here = (rows.word[window] >= 0) & (rows.word[window] <= word)
                content = np.where(here, rows.elements[:, window], rows.pads[window])
                contents[window % self._config.window_slots].append(content)
        for slot, values in contents.items():
            self._push("row_buffer", f"slot{slot}", np.stack(values, 1))
        first = np.searchsorted(rows.read_window, rows.read_window)
        cycle = reads[rows.read_window, 0] + np.arange(len(first)) - first
        kept = cycle < timing.prepared
        self._push("memory_ports", "word", rows.read_words[:, kept])
        self._push("memory_ports", "address", rows.read_address[None, kept].astype(np.uint16))
        self._plain["memory_ports"] += 2 * _runs(cycle[kept])

    def operands(self, rail: int, values: np.ndarray, cycles: np.ndarray) -> None:
        batch, _, lanes = values.shape
        zero = np.zeros((batch, 1, lanes), np.uint8)
        # Between terms that do not follow at once, the operand is gated to 0.
        gaps = np.flatnonzero(np.diff(cycles) > 1) + 1
        sequence = np.insert(values, gaps, 0, axis=1)
        self._push("operand", f"rail{rail}", np.concatenate([zero, sequence, zero], 1))
        self._plain["term_stream"] += 2 * _runs(cycles)

    def accumulator(self, core: int, bias: int, values: np.ndarray) -> None:
        batch, _, lanes = values.shape
        start = np.full((batch, 1, lanes), bias, np.int64)
        mask = (1 << self._config.accumulator_width) - 1
        sequence = np.concatenate([start, values], 1) & mask
        self._push("accumulator", f"core{core}", sequence.astype(np.uint32))

    def requantiser(self, core: int, states: np.ndarray) -> None:
        mask = (1 << self._config.accumulator_width + 3) - 1
        self._push("requantiser", "state", (states & mask).astype(np.uint64))
        self._plain["control"] += counter_flips(states.shape[1] + 2)

    def pool(self, values: np.ndarray) -> None:
        self._push("control", "pool", values)
        self._plain["control"] += counter_flips(2 * values.shape[1])

    def store(self, address: int, word: np.ndarray) -> None:
        self._push("memory_ports", "store_address", np.array([[address]], np.uint16))
        self._push("memory_ports", "store_word", word[:, None])
        self._plain["memory_ports"] += 2 * self._config.lanes

    def end(self) -> None:
        none = np.zeros(self._batch, np.int64)
        totals = {name: none + self._plain[name] for name in CLASSES}
        for key, chain in self._chains.items():
            flips, self._left[key] = chain.close(self._left.get(key, 0))
            totals[key[0]] = totals[key[0]] + flips
        self.flips = totals


def _runs(cycles: np.ndarray) -> int:
    """Unbroken runs of consecutive cycles."""
    return int((np.diff(cycles) != 1).sum()) + 1 if len(cycles) else 0
