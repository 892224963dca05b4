"""Flips that a program and its data must cause, predicted signal by signal without RTL.

What data decides (operands, sums, windows, requantiser, words read and stored) follows from the
interpreter's values; what the program decides (terms, addresses, control) from the machine's model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pann_hw.machine.chain import Chain
from pann_hw.machine.interpret import Activations, Execution, execute
from pann_hw.machine.machine import Machine
from pann_hw.machine.observer import Observer
from pann_hw.machine.schedule import Schedule
from pann_hw.program.image import Image
from pann_hw.program.program import Program

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

operand: the operands at each lane; accumulator: accumulators, and the finished sums that wait to be
drained; term_stream: bundles of terms and the cores' registered control; row_buffer: buffered
windows; requantiser: its registers, and those before it; memory_ports: address, enable and data of
the activation memory, address and data of the descriptor memory, term addresses; control: registers
of sequencers, loaders, counters, descriptors.
"""

Key = tuple[str, str]
"""(signal class, signal)."""


class FlipPredictor(Observer):
    """Predicts flips per class of inferences that run one after another from reset.

    Use one predictor for a whole run: what one call of :meth:`execute` leaves in the registers and
    in the memory, the next one finds.

    Parameters
    ----------
    image : the program memories of the run

    Attributes
    ----------
    flips : class (each of CLASSES) -> int64 (batch,), of the last call
    cycles : int64 (batch,), of the last call
    """

    def __init__(self, image: Image) -> None:
        self._config = config = image.config
        self._machine = Machine(image)
        self._left: dict[Key, np.ndarray | int] = {}
        self._chains: dict[Key, Chain] = {}
        self._activations = Activations.reset(config, 1)
        self.flips: dict[str, np.ndarray] = {}
        self.cycles = np.zeros(0, np.int64)

    def execute(self, program: Program, point: int, inputs: np.ndarray) -> Execution:
        """Run uint8 inputs (batch, C, H, W) through a program, which is loaded as that point."""
        if program.linear:
            return self._one_by_one(program, point, inputs)
        schedules = [self._machine.run(point) for _ in inputs]
        self.cycles = np.array([schedule.cycles for schedule in schedules])
        # Lanes without a pixel, and channels that only fill a group up, show what was left there,
        # and what they show may be left in turn.
        left = execute(program, inputs, found=self._activations.repeated(len(inputs))).left
        seen = dict(self._left)
        while True:
            found = left.after(self._activations)
            done = execute(program, inputs, found=found, observer=self, schedule=schedules[0])
            if done.left.equals(left):
                break
            left, self._left = done.left, dict(seen)
        self._activations = left.repeated(1)
        self._add(schedules)
        return done

    def _one_by_one(self, program: Program, point: int, inputs: np.ndarray) -> Execution:
        """Inference by inference: data decide when a linear pass is through."""
        parts, flips, cycles = [], [], []
        for index in range(len(inputs)):
            x = inputs[index : index + 1]
            # What was left there is not among what linear passes look at.
            words = execute(program, x, found=self._activations.repeated(1)).words_of(0)
            schedule = self._machine.run(point, words)
            done = execute(
                program, x, found=self._activations.repeated(1), observer=self, schedule=schedule
            )
            self._activations = done.left
            parts.append(done)
            self._add([schedule])
            flips.append(self.flips)
            cycles.append(schedule.cycles)
        self.flips = {name: np.concatenate([part[name] for part in flips]) for name in CLASSES}
        self.cycles = np.array(cycles)
        return Execution.joined(parts)

    def _add(self, schedules: Sequence[Schedule]) -> None:
        """Flips that no datum decides, or those of each inference's own schedule."""
        for name in schedules[0].flips:
            self.flips[name] += np.array([schedule.flips[name] for schedule in schedules])

    def _push(self, signal_class: str, signal: str, values: np.ndarray) -> None:
        key = (signal_class, signal)
        if key not in self._chains:
            self._chains[key] = Chain(self._batch)
        self._chains[key].push(values)

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        self._batch = len(inputs)
        self._chains = {}
        self._windows = 0
        self._sums: dict[int, np.ndarray] = {}
        # An issue long before the first one: operands are 0 then.
        self._issued = [-2] * self._config.cores

    def load(self, bank: int, words: np.ndarray) -> None:
        self._push("memory_ports", f"store_word{bank}", words)

    def words(self, words: np.ndarray) -> None:
        for bank in range(words.shape[2]):
            self._push("memory_ports", f"word{bank}", words[:, :, bank])

    def rows(self, windows: np.ndarray) -> None:
        slots = self._config.window_slots
        flat = windows.reshape(len(windows), -1, windows.shape[3])
        for slot in range(slots):
            self._push(
                "row_buffer", f"slot{slot}", flat[:, (slot - self._windows) % slots :: slots]
            )
        self._windows = (self._windows + flat.shape[1]) % slots

    def operands(self, core: int, cycles: np.ndarray, values: np.ndarray, adds: np.ndarray) -> None:
        # Between bundles that do not follow at once, operands are gated to 0.
        gaps = np.flatnonzero(np.diff(cycles, prepend=self._issued[core]) > 1)
        self._issued[core] = int(cycles[-1])
        sequence = np.insert(values, gaps, 0, axis=1)
        for term in range(values.shape[2]):
            self._push("operand", f"core{core}_{term}", sequence[:, :, term])

    def accumulator(self, core: int, values: np.ndarray) -> None:
        mask = (1 << self._config.accumulator_width) - 1
        sequence = (values & mask).astype(np.uint32)
        self._push("accumulator", f"core{core}", sequence)
        self._push("accumulator", f"sums{core}", sequence[:, -1:])
        self._sums[core] = sequence[:, -1]

    def drained(self, core: int, lanes: int) -> None:
        config = self._config
        if config.register_stages:
            parts = self._sums[core].reshape(self._batch, config.parts, config.part_lanes)
            taken = parts[:, : -(-lanes // config.part_lanes)]
            self._push("requantiser", f"sums{core % config.requantisers}", taken)

    def requantiser(self, core: int, states: np.ndarray) -> None:
        config = self._config
        mask = (1 << config.accumulator_width + 3) - 1
        batch, steps, _ = states.shape
        # All steps for the lowest lanes, then for those above them.
        parts = states.reshape(batch, steps, config.parts, config.part_lanes).swapaxes(1, 2)
        sequence = (parts & mask).astype(np.uint64).reshape(batch, -1, config.part_lanes)
        self._push("requantiser", f"state{core % config.requantisers}", sequence)

    def pool(self, values: np.ndarray) -> None:
        self._push("control", "pool", values)

    def store(self, bank: int, address: int, word: np.ndarray) -> None:
        self._push("memory_ports", f"store_word{bank}", word[:, None])

    def end(self) -> None:
        zero = np.zeros((self._batch, 1, self._config.lanes), np.uint8)
        for group, signal in list(self._chains):
            if group == "operand":
                self._push(group, signal, zero)
        totals = {name: np.zeros(self._batch, np.int64) for name in CLASSES}
        for key, chain in self._chains.items():
            flips, self._left[key] = chain.close(self._left.get(key, 0))
            totals[key[0]] += flips
        self.flips = totals
