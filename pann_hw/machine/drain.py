"""Models of the units that end a pass: drain and pooling unit."""

from __future__ import annotations

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit
from pann_hw.program.layout import CORE, CORE_WORDS, PASS, STEP, pack, unpack

__all__ = ["Drain", "MaxPool"]

_W = 0xFFFF

_ADD = pack(CORE, {"add0": 1})
"""What a raw pass does with sums and bias."""


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
        self.seen = self.loaded = self.taken_records = self.held_last_lane = 0
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
        if self._config.register_stages:
            return bool(self.loaded)
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
        if self._config.register_stages:
            self._load(ready, drains=drains, done=done)
        if self.state == self.POOL and pooled:
            self.put("state", self.IDLE)
        if not drains:
            return
        if self._config.register_stages and self.state == self.REQUANTISE:
            self._shift_records()
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

    def _load(self, ready: int, *, drains: bool, done: bool) -> None:
        """The registers before the requantisers: a part's sums, and its cores' records."""
        members = self.members
        complete = self.state in {self.RAW, self.REQUANTISE} and ready & members == members
        if drains:
            width = self._config.part_lanes
            through = self._step_end if self.state == self.REQUANTISE else not -~self.lane % width
            self.put("loaded", int(not (through or done)))
        elif self.seen:
            self.put("loaded", 1)
            self._take()
        self.put("seen", int(complete and not done))

    def _take(self) -> None:
        """A part's sums, and its cores' records, go to their registers."""
        self.put("held_last_lane", self.last_lane & self._config.lanes - 1)
        width = 32 * CORE_WORDS
        taken, mask = self.taken_records, (1 << width) - 1
        for core in range(self.core, self.members.bit_length()):
            place = core % self._config.requantisers * width
            record = self.records >> core * width & mask
            if self.state == self.RAW:
                record |= _ADD
            taken = taken & ~(mask << place) | record << place
        self.put("taken_records", taken)

    def _shift_records(self) -> None:
        """A step leaves the next one's fields in the lowest place."""
        if self.step == self.item["steps"]:
            return
        taken = self.taken_records
        for core in range(self.core, self.members.bit_length()):
            place = core % self._config.requantisers * 32 * CORE_WORDS
            steps = (1 << 32 * CORE_WORDS - CORE["bias"]) - 1 << place + CORE["bias"]
            taken = taken & ~steps | (taken & steps) >> sum(STEP.values()) & steps
        self.put("taken_records", taken)

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
