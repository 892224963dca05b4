"""Flips that a program and its data must cause, predicted signal by signal without RTL.

What data decides (operands, accumulators, rows, requantiser, words read and stored) follows from
the interpreter's values; what the program decides (terms, addresses, control) from the schedule.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from pann_hw.program.chain import Chain
from pann_hw.program.control import ControlTrace
from pann_hw.program.image import Image
from pann_hw.program.observer import Observer, Rows
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

    Parameters
    ----------
    image : the program memories of the run

    Attributes
    ----------
    flips : class (each of CLASSES) -> int64 (batch,), of the last call
    """

    def __init__(self, image: Image) -> None:
        self._config = image.config
        self._trace = ControlTrace(image)
        self._point = 0
        self._left: dict[Key, np.ndarray | int] = {**self._trace.reset}
        self._chains: dict[Key, Chain] = {}
        self.flips: dict[str, np.ndarray] = {}

    def select(self, point: int) -> None:
        """The operating point of the next call of ``execute``; 0 to begin with."""
        self._point = point

    def _push(self, signal_class: str, signal: str, values: np.ndarray) -> None:
        key = (signal_class, signal)
        if key not in self._chains:
            self._chains[key] = Chain(self._batch)
        self._chains[key].push(values)

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        self._batch = len(inputs)
        self._chains = {}
        self._trace.begin(program, self._point)
        self._push("memory_ports", "store_word", self._gathered(inputs))

    def _gathered(self, inputs: np.ndarray) -> np.ndarray:
        """The store register as input elements gather in it: (batch, elements, N)."""
        width, lanes = inputs.shape[3], self._config.lanes
        rows = inputs.reshape(self._batch, -1, width)
        words = np.zeros((*rows.shape, lanes), np.uint8)
        for column in range(width):
            first = column - column % lanes
            words[:, :, column, : column % lanes + 1] = rows[:, :, first : column + 1]
        return words.reshape(self._batch, -1, lanes)

    def begin_pass(self, item: Pass, timing: PassTiming) -> None:
        self._trace.begin_pass(item)
        self._timing = timing
        self._item = item

    def tile(self, tile: Tile, timing: TileTiming, rows: Rows) -> None:
        self._rows(timing, rows)
        self._trace.tile(tile, timing, self._timing, self._timing.words(tile))
        for rail, terms in enumerate(self._timing.rails):
            core, position = divmod(rail, self._config.rails)
            stream = self._item.terms[core][position][None]
            self._push("term_stream", f"word{rail}", stream)
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

    def operands(self, rail: int, values: np.ndarray, cycles: np.ndarray) -> None:
        batch, _, lanes = values.shape
        zero = np.zeros((batch, 1, lanes), np.uint8)
        # Between terms that do not follow at once, the operand is gated to 0.
        gaps = np.flatnonzero(np.diff(cycles) > 1) + 1
        sequence = np.insert(values, gaps, 0, axis=1)
        self._push("operand", f"rail{rail}", np.concatenate([zero, sequence, zero], 1))
        active = np.array([1, 0] * (len(gaps) + 1 if len(cycles) else 0), np.uint8)
        self._push("term_stream", f"active{rail}", active[None])

    def accumulator(self, core: int, bias: int, values: np.ndarray) -> None:
        batch, _, lanes = values.shape
        start = np.full((batch, 1, lanes), bias, np.int64)
        mask = (1 << self._config.accumulator_width) - 1
        sequence = np.concatenate([start, values], 1) & mask
        self._push("accumulator", f"core{core}", sequence.astype(np.uint32))

    def requantiser(self, core: int, states: np.ndarray) -> None:
        mask = (1 << self._config.accumulator_width + 3) - 1
        self._push("requantiser", "state", (states & mask).astype(np.uint64))

    def pool(self, values: np.ndarray) -> None:
        self._push("control", "pool", values)

    def store(self, address: int, word: np.ndarray) -> None:
        self._push("memory_ports", "store_word", word[:, None])

    def end(self) -> None:
        self._trace.end()
        for (signal_class, signal), values in self._trace.values.items():
            self._push(signal_class, signal, np.array(values, np.uint64)[None])
        totals = {name: np.zeros(self._batch, np.int64) for name in CLASSES}
        for key, chain in self._chains.items():
            flips, self._left[key] = chain.close(self._left.get(key, 0))
            totals[key[0]] += flips
        self.flips = totals
