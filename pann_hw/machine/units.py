"""Models of the units that begin an inference and end a pass: sequencer, loader, reader, drain,
pool."""

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

__all__ = ["DescriptorReader", "Drain", "InputLoader", "MaxPool", "Sequencer"]

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


class MaxPool(Unit):
    """Counters of the pooling unit; see :class:`rtl_gen.max_pool.MaxPool`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self._mask = 2 * config.window_slots - 1
        self.position = self.enabled = self.fresh = self.group = self.tile = self.target = 0
        self.origin = self.column = self.half = 0
        self.address = self.write = self.phase = self.upper = 0
        self.done = 1

    def blocking(self, accepted: int) -> bool:
        """There is no room for another group of windows."""
        held = accepted - self.position & self._mask
        return bool(self.enabled) and held > self._config.window_slots - self._config.banks

    def start(self, *, enable: bool, base: int, output_base: int) -> None:
        """A clock edge that begins a pass."""
        self.put("enabled", int(enable))
        if enable:
            for name in ("done", "group", "tile", "column", "half"):
                self.put(name, 0)
            self.put("position", base)
            self.put("origin", output_base)
            self.put("target", output_base)
            self.put("fresh", 1)

    def clock(self, filled: int, last: int, item: dict[str, int], groups: int) -> None:
        """Any other clock edge; ``last``: of each buffered group, whether it ends its channels."""
        again = bool(self.write and item["halve"] and not self.phase)
        step = not self.done and filled != self.position and not again
        finished = (
            step
            and last >> (self.position & self._config.window_slots - 1) // (self._config.banks) & 1
        )
        self.put("write", int(finished or again))
        self.put("phase", int(again))
        if again:
            self.put("address", self.address + item["steps_wide"] & _W)
        if not step:
            return
        self.put("position", self.position + self._config.banks & self._mask)
        self.put("fresh", int(finished))
        if not finished:
            return
        self.put("address", self.target)
        self.put("upper", self.half)
        if self.group + 1 == groups:
            self.put("group", 0)
            self._next_tile(item)
        else:
            self.put("group", self.group + 1)
            self.put("target", self.target + item["output_pitch"] & _W)

    def _next_tile(self, item: dict[str, int]) -> None:
        halve, tile = bool(item["halve"]), self.tile + 1
        row_end = halve and self.column + 1 == item["steps_wide"]
        origin = self.origin + 1 + (item["steps_wide"] if row_end else 0) & _W
        if halve and tile == item["output_pitch"] >> 1:
            self.put("half", 1)
            origin = item["output_base"]
        self.put("column", self.column + 1 & _W if halve and not row_end else 0)
        self.put("origin", origin)
        self.put("target", origin)
        self.put("done", int(tile == item["output_pitch"]))
        self.put("tile", tile & _W)


class Drain(Unit):
    """Counters of the drain; see :class:`rtl_gen.drain.Drain`."""

    IDLE, POOL, RAW, REQUANTISE = range(4)

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.state = self.item_bits = self.records = 0
        self.core = self.step = self.lane = self.row = self.column = self.half = 0
        self.tile_address = self.word_address = self.word_bank = 0
        # Where a word goes: a register of the hardware, field by field.
        self.write = self.address = self.banks = self.part = self.phase = self.upper = 0
        self.item = unpack(PASS, 0)

    def start(self, bits: int, records: int) -> None:
        """A clock edge that takes a pass."""
        self.put("item_bits", bits)
        self.item = item = unpack(PASS, bits)
        for name in ("core", "step", "lane", "row", "column", "half"):
            self.put(name, 0)
        self.put("tile_address", item["output_base"])
        self.put("word_address", item["output_base"])
        self.put("word_bank", item["bank"])
        self.put("write", 0)
        if not item["pool"]:
            self.put("records", records)
        state = self.POOL if item["pool"] else self.RAW if item["raw"] else self.REQUANTISE
        self.put("state", state)

    @property
    def last_lane(self) -> int:
        """The last lane of the tile that owns a pixel."""
        item = self.item
        strips = item["strips"] - (self.row >= item["last_rows"])
        return (strips - 1 << item["columns_bits"]) + self._columns - 1

    @property
    def _columns(self) -> int:
        return self.item["columns"] - (self.column >= self.item["last_steps"])

    @property
    def _following(self) -> int:
        """The first core behind those that are drained together."""
        units = self._config.requantisers
        return self.core + (1 if self.state == self.RAW else units - self.word_bank % units)

    @property
    def members(self) -> int:
        """The cores that are drained together, a bit for each."""
        return (1 << min(self._following, self.item["cores"])) - (1 << self.core)

    def _ready(self, ready: int) -> bool:
        return ready & self.members == self.members

    def core_done(self, ready: int) -> bool:
        """Whether the members' sums are through in this cycle; ``ready``: a bit for each core."""
        if not self._ready(ready):
            return False
        if self.state == self.REQUANTISE:
            last = self.lane + self._config.part_lanes == self._config.lanes
            return last and self._step_end
        return self.state == self.RAW and self.lane == self.last_lane

    @property
    def _step_end(self) -> bool:
        """Whether a part's last cycle is this one, if its sums are there."""
        return self.step + 1 == self.item["steps"] + self.item["halve"]

    @property
    def _row_end(self) -> bool:
        return bool(self.column + 1 == self.item["steps_wide"])

    @property
    def _map_end(self) -> bool:
        return self._row_end and self.row + 1 == self.item["rows"] >> self.item["halve"]

    @property
    def _turn(self) -> bool:
        """The upper rows of the blocks are through, of words that are stored as two halves."""
        return bool(self._map_end and self.item["halve"] and not self.half)

    def pass_done(self, ready: int) -> bool:
        """Whether the pass's last sums are through in this cycle."""
        return (
            self.core_done(ready)
            and self._following >= self.item["cores"]
            and self._map_end
            and not self._turn
        )

    def clock(self, ready: int, *, pooled: int) -> None:
        """Any other clock edge."""
        done, end = self.core_done(ready), self.pass_done(ready)
        drains = self.state in {self.RAW, self.REQUANTISE} and self._ready(ready)
        self._store(drains=drains and self.state == self.REQUANTISE)
        if self.state == self.POOL and pooled:
            self.put("state", self.IDLE)
        if not drains:
            return
        if self.state == self.RAW:
            self.put("lane", 0 if done else self.lane + 1)
        elif self._step_end:
            self.put("step", 0)
            self.put("lane", self.lane + self._config.part_lanes & self._config.lanes - 1)
        else:
            self.put("step", self.step + 1)
        if done:
            self._next_core()
        if end:
            self.put("state", self.IDLE)

    def _store(self, *, drains: bool) -> None:
        again = bool(self.item["halve"]) and self.step == self.item["steps"]
        stored = drains and (again or self.step + 1 == self.item["steps"])
        self.put("write", int(stored))
        if not stored:
            return
        address = self.address + self.item["steps_wide"] if again else self.word_address
        self.put("address", address & _W)
        self.put("banks", self.members >> self.core << self.word_bank)
        self.put("part", self.lane // self._config.part_lanes)
        self.put("phase", int(again))
        self.put("upper", self.half)

    def _next_core(self) -> None:
        item, units = self.item, self._config.requantisers
        if self._following >= item["cores"]:
            self._next_tile()
            return
        self.put("core", self._following)
        bank = (self.word_bank // units + 1) * units
        if bank == self._config.banks:
            bank = 0
            self.put("word_address", self.word_address + item["output_pitch"] & _W)
        self.put("word_bank", bank)

    def _next_tile(self) -> None:
        item, row_end, turn = self.item, self._row_end, self._turn
        address = self.tile_address + 1 + (item["steps_wide"] if item["halve"] and row_end else 0)
        if turn:
            address = item["output_base"]
        self.put("half", int(self.half or turn))
        self.put("core", 0)
        self.put("column", 0 if row_end else self.column + 1)
        self.put("row", 0 if turn else self.row + row_end & _W)
        self.put("word_address", address & _W)
        self.put("tile_address", address & _W)
        self.put("word_bank", item["bank"])
