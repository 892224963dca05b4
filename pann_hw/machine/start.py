"""Models of the units that begin an inference: sequencer, input loader, descriptor reader."""

from __future__ import annotations

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit
from pann_hw.program.layout import (
    CORE_WORDS,
    PASS,
    PASS_WORDS,
    POINT_WORDS,
    SEGMENT_WORDS,
    unpack,
)

__all__ = ["DescriptorReader", "InputLoader", "Sequencer"]

_W = 0xFFFF
_WORD = 0xFFFFFFFF


def _placed(record: int, number: int, word: int) -> int:
    """A record of 32-bit words with one of them replaced."""
    return record & ~(_WORD << 32 * number) | word << 32 * number


class Sequencer(Unit):
    """See :class:`rtl_gen.sequencer.Sequencer`; states are numbered as the hardware encodes
    them."""

    IDLE, ENTRY_WAIT, ENTRY, PLACE, INPUT_WAIT, INPUT, JUMPS = range(7)

    def __init__(
        self, config: AcceleratorConfig, flips: dict[str, int], directory: np.ndarray
    ) -> None:
        super().__init__(config, flips)
        self._memory = [int(word) for word in directory]
        self.state = self.address = self.index = self.entry = self.word = 0
        self.running = self.ending = 0

    @property
    def busy(self) -> bool:
        """An inference is under way."""
        return bool(self.state != self.IDLE or self.running)

    def input_starts(self, input_free: int) -> bool:
        """Whether the input loader is started in this cycle."""
        return self.state == self.PLACE and bool(input_free or not self.running)

    @property
    def jump(self) -> int | None:
        """The core whose first bundle's address arrives."""
        return self.index - POINT_WORDS if self.state == self.JUMPS else None

    @property
    def passes_start(self) -> bool:
        """The passes begin."""
        return self.jump == self._config.cores - 1

    def done(self, *, array_busy: bool) -> bool:
        """Whether an inference ends in this cycle."""
        return bool(self.ending) and not array_busy

    def start(self, address: int) -> None:
        """A clock edge that begins an inference."""
        self.put("address", address, "memory_ports")
        self.put("index", 0)
        self.put("state", self.ENTRY_WAIT)

    def clock(
        self, *, input_busy: int, input_free: int, passes_end: bool, array_busy: bool
    ) -> None:
        """Any other clock edge."""
        reading, address, running = self.state != self.IDLE, self.address, self.running
        starts, done = self.passes_start, self.done(array_busy=array_busy)
        self._front(input_busy=input_busy, input_free=input_free, running=running)
        if done:
            self.put("running", 0)
            self.put("ending", 0)
        elif passes_end:
            self.put("ending", 1)
        if starts:
            self.put("running", 1)
        if reading:
            # Behind the last entry the address wraps around.
            self.put("word", self._memory[address % len(self._memory)], "memory_ports")

    def _front(self, *, input_busy: int, input_free: int, running: int) -> None:
        state = self.state
        if state == self.ENTRY_WAIT:
            self._step(self.ENTRY)
        elif state == self.ENTRY:
            self.put("entry", _placed(self.entry, self.index, self.word))
            last = self.index == POINT_WORDS - 1
            self.put("index", self.index + 1)
            if last:
                self.put("state", self.PLACE)
            else:
                self._step(self.ENTRY)
        elif state == self.PLACE and (input_free or not running):
            self.put("state", self.INPUT_WAIT)
        elif state == self.INPUT_WAIT:
            self.put("state", self.INPUT)
        elif state == self.INPUT and not input_busy and not running:
            self._step(self.JUMPS)
        elif state == self.JUMPS:
            last = self.passes_start
            self.put("index", self.index + 1)
            self._step(self.IDLE if last else self.JUMPS)

    def _step(self, state: int) -> None:
        self.put("address", self.address + 1 & _W, "memory_ports")
        self.put("state", state)


class InputLoader(Unit):
    """See :class:`rtl_gen.input_loader.InputLoader`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.busy = self.step = self.row = self.column = self.strip = 0
        self.channel = self.channel_address = self.row_address = self.index = 0
        self._mask = (1 << config.address_bits) - 1

    def start(self, point: dict[str, int]) -> None:
        """A clock edge that begins an input."""
        self.put("busy", 1)
        for name in ("channel", "step", "row", "column", "strip", "index"):
            self.put(name, 0)
        self.put("channel_address", point["base"] & self._mask)
        self.put("row_address", point["base"] & self._mask)

    def place(self, point: dict[str, int]) -> tuple[int, int, int]:
        """(bank, address, lanes) of what is written, an element or a beat; lanes: a bit for
        each."""
        beat = self._config.input_elements if point["whole_beats"] else 1
        lane = (self.strip << point["columns_bits"]) + self.column * beat
        bank = self.channel % self._config.banks
        return bank, self.row_address + self.step & self._mask, (1 << beat) - 1 << lane

    def clock(self, point: dict[str, int]) -> None:
        """A clock edge that takes an element, or a beat."""
        across_end = self.column + 1 == point["columns"] and self.step + 1 == point["last_steps"]
        down_end = self.strip + 1 == point["strips"] and self.row + 1 == point["last_rows"]
        transposed = bool(point["transposed"])
        start = self._next_map(point) if across_end and down_end else self.channel_address
        if down_end or not transposed:
            self._across(point, end=across_end)
        if across_end or transposed:
            self._down(point, start, end=down_end)
        if not point["whole_beats"]:
            self.put("index", (self.index + 1) % self._config.input_elements)

    def _across(self, point: dict[str, int], *, end: bool) -> None:
        """Step and column of the next element; behind the ``end`` the first ones."""
        block_end = self.step + 1 == point["steps"]
        self.put("step", 0 if end or block_end else self.step + 1)
        self.put("column", 0 if end else self.column + block_end)

    def _down(self, point: dict[str, int], start: int, *, end: bool) -> None:
        """Row and strip of the next element; ``start``: address of its channel."""
        block_end = self.row + 1 == point["rows"]
        self.put("row", 0 if end or block_end else self.row + 1)
        self.put("strip", 0 if end else self.strip + block_end)
        below = self.row_address + point["steps"] & self._mask
        self.put("row_address", start if end or block_end else below)

    def _next_map(self, point: dict[str, int]) -> int:
        """Go on to the next channel, whose address is returned."""
        self.put("busy", int(self.channel + 1 != point["channels"]))
        self.put("channel", (self.channel + 1) % (1 << self._config.channel_bits))
        if self.channel % self._config.banks == 0:
            self.put("channel_address", self.channel_address + point["pitch"] & self._mask)
        return self.channel_address


class DescriptorReader(Unit):
    """See :class:`rtl_gen.descriptor_reader.DescriptorReader`."""

    IDLE, PASS_WAIT, PASS, RECORDS_WAIT, RECORDS = range(5)

    def __init__(
        self, config: AcceleratorConfig, flips: dict[str, int], descriptors: np.ndarray
    ) -> None:
        super().__init__(config, flips)
        self._memory = [int(word) for word in descriptors]
        self.state = self.address = self.index = self.word = 0
        self.item_bits = self.segments_bits = self.records = 0
        self.item_valid = self.records_valid = 0
        self.item = unpack(PASS, 0)

    def read(self, address: int) -> None:
        """The memory gives a word."""
        word = self._memory[address] if address < len(self._memory) else 0
        self.put("word", word, "memory_ports")

    @property
    def segments(self) -> tuple[int, int]:
        """Both segments, as integers."""
        size = 32 * SEGMENT_WORDS
        return self.segments_bits & (1 << size) - 1, self.segments_bits >> size

    def start(self, first_pass: int) -> None:
        """A clock edge that begins with a pass."""
        self.put("address", first_pass, "memory_ports")
        self.put("state", self.PASS_WAIT)

    def clock(self, *, item_taken: bool, records_taken: bool) -> None:
        """Any other clock edge; ``word`` is what arrived in the cycle before it."""
        item_valid, records_valid = self.item_valid, self.records_valid
        if item_taken:
            self.put("item_valid", 0)
        if records_taken:
            self.put("records_valid", 0)
        if self.state == self.PASS_WAIT:
            if not item_valid:
                self._begin(self.PASS)
        elif self.state == self.PASS:
            self._pass()
        elif self.state == self.RECORDS_WAIT:
            if self.item["pool"]:
                self.put("state", self.IDLE if self.item["final"] else self.PASS_WAIT)
            elif not records_valid:
                self._begin(self.RECORDS)
        elif self.state == self.RECORDS:
            self.put("records", _placed(self.records, self.index, self.word))
            if self._next(CORE_WORDS * self.item["cores"]):
                self.put("records_valid", 1)
                self.put("state", self.IDLE if self.item["final"] else self.PASS_WAIT)

    def _begin(self, state: int) -> None:
        self.put("address", self.address + 1 & _W, "memory_ports")
        self.put("index", 0)
        self.put("state", state)

    def _pass(self) -> None:
        two = self.item["two_segments"]
        if self.index < PASS_WORDS:
            self.put("item_bits", _placed(self.item_bits, self.index, self.word))
            self.item = unpack(PASS, self.item_bits)
        else:
            place = self.index - PASS_WORDS
            self.put("segments_bits", _placed(self.segments_bits, place, self.word))
        if self._next(PASS_WORDS + SEGMENT_WORDS * (1 + two)):
            self.put("item_valid", 1)
            self.put("state", self.RECORDS_WAIT)

    def _next(self, words: int) -> bool:
        """Go on to the next word; whether the one that arrived was the last."""
        end = self.index + 1 == words
        if not end:
            self.put("address", self.address + 1 & _W, "memory_ports")
        self.put("index", self.index + 1)
        return end
