"""One cycle of the accelerator's control: what its units do at once, and at the clock edge.

The model has a unit for each of ``rtl_gen``, and is exact, register by register, where input and
output never wait.
"""

from __future__ import annotations

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.drain import Drain, MaxPool
from pann_hw.machine.fetch import RequestRegister, RowReader, WindowSequencer
from pann_hw.machine.linear import LinearStream
from pann_hw.machine.schedule import Piece
from pann_hw.machine.start import DescriptorReader, InputLoader, Sequencer
from pann_hw.machine.stream import Bundles, TermStream
from pann_hw.machine.unit import Unit
from pann_hw.program.image import Image
from pann_hw.program.layout import (
    MAX_POINTS,
    PASS,
    POINT,
    SEGMENT,
    directory_stride,
    unpack,
)

__all__ = ["Control"]

_LIMIT = 10**8


class Array(Unit):
    """Registers between fetch, cores and drain; see :class:`rtl_gen.array.CoreArray`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.accepted = self.filled = self.base = 0
        self.waiting = self.running = self.drain_waits = self.input_free = 0
        self.fetched = self.fetched_groups = self.drained = self.groups = self.last = 0
        # The cores' registers, a bit for each.
        self.issued_last = self.held_last = self.finished = self.ready = 0
        self.fetched_item = self.item = unpack(PASS, 0)
        # With register_stages: lanes in use, and those at the edges of their rows.
        self.lane_on = 0
        self.left_edge = self.right_edge = (1 << config.lanes) - 1

    def choose_lanes(self) -> None:
        """A pass begins: the lanes that are in use, and those without a neighbour."""
        item, bits = self.item, self.item["columns_bits"]
        lanes = np.arange(self._config.lanes)
        columns = lanes & (1 << bits) - 1
        self.put("lane_on", _mask((lanes < item["strips"] << bits) & (columns < item["columns"])))
        if self._config.windows:
            self.put("left_edge", _mask(columns == 0))
            self.put("right_edge", _mask(columns == (1 << bits) - 1))


class Stores(Unit):
    """The activation memory's write port."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.address = self.enable = self.lanes = 0

    def clock(self, address: int, enable: int, lanes: int) -> None:
        """A clock edge at which something is stored; ``enable``, ``lanes``: a bit for each."""
        self.put("address", address, "memory_ports")
        self.put("enable", enable, "memory_ports")
        self.put("lanes", lanes, "memory_ports")

    def half(self, columns_bits: int, upper: int) -> int:
        """The lanes that a word's half is written to."""
        lanes = np.arange(self._config.lanes)
        return _mask(lanes >> columns_bits - 1 & 1 == upper)

    def part(self, number: int) -> int:
        """The lanes of a word's part."""
        width = self._config.part_lanes
        return (1 << width) - 1 << number * width


class Control:
    """All units, run piece by piece from reset.

    Parameters
    ----------
    image : the program memories
    """

    def __init__(self, image: Image) -> None:
        self._config = config = image.config
        self._flips = flips = {"control": 0, "memory_ports": 0, "term_stream": 0}
        directory = image.descriptors[: MAX_POINTS * directory_stride(config)]
        self._sequencer = Sequencer(config, flips, directory)
        self._loader = InputLoader(config, flips)
        self._reader = DescriptorReader(config, flips, image.descriptors)
        self._windows = WindowSequencer(config, flips)
        self._rows = RowReader(config, flips)
        self._request = RequestRegister(config, flips)
        self._array = Array(config, flips)
        self._pool = MaxPool(config, flips)
        self._drain = Drain(config, flips)
        self._stores = Stores(config, flips)
        self._streams = [
            TermStream(config, flips, Bundles.of(config, memory))
            for memory in image.terms[: config.cores * config.windows]
        ]
        self._units: list[Unit] = [
            self._sequencer, self._loader, self._reader, self._windows, self._rows,
            self._request, self._array, self._pool, self._drain, self._stores, *self._streams,
        ]  # fmt: skip
        self._linear = LinearStream(config, flips, image.weights)
        self._start: int | None = None
        self._linear_starts = 0

    def piece(self, waiting: list[int], linear: tuple[np.ndarray, int] | None = None) -> Piece:
        """Run to the start of a linear pass, or to an inference's end.

        Or run a linear pass, with the words that it reads and its number of cores. Starts that are
        taken leave ``waiting``.
        """
        self._flips.update(dict.fromkeys(self._flips, 0))
        for stream in self._streams:
            stream.issued = []
        self._pass_ends: list[int] = []
        self._input_cycles: int | None = None
        self._linear_starts = 0
        if linear:
            self._linear.start(*linear)
        cycle, ended, before = 0, False, len(waiting)
        while not ended and not self._linear_starts and (self._linear.active or not linear):
            if waiting and self._sequencer.state == self._sequencer.IDLE:
                self._start = waiting.pop(0)
            cycle += self._sequencer.busy
            ended = self._cycle(cycle)
            if cycle > _LIMIT:
                raise RuntimeError(f"not done after {cycle} cycles")
        return Piece(
            cycle,
            self._input_cycles,
            self._pass_ends,
            [stream.issued for stream in self._streams],
            self._linear.issued if linear else None,
            dict(self._flips),
            self._states(),
            before - len(waiting),
            self._linear_starts,
            ended,
        )

    def registers(self) -> list[int]:
        """All registers but those that only a linear pass reads."""
        found = [value for unit in self._units for value in unit.registers()]
        return [*found, self._linear.record]

    def _states(self) -> list[dict[str, object]]:
        return [*(dict(vars(unit)) for unit in self._units), {"record": self._linear.record}]

    def restore(self, states: list[dict[str, object]]) -> None:
        """Set all registers to what they were at the end of a piece."""
        for unit, state in zip([*self._units, self._linear], states, strict=True):
            vars(unit).update(state)

    def _cycle(self, cycle: int) -> bool:
        """One cycle: what follows from the registers at once, then the clock edge.

        Whether an inference ends in it.
        """
        array, reader, drain, pool = self._array, self._reader, self._drain, self._pool
        windows, rows, streams = self._windows, self._rows, self._streams
        held = self._request
        accepted, filled, ready = array.accepted, array.filled, array.ready
        asked = held.valid if self._config.register_stages else windows.active
        go = bool(asked) and not (
            pool.blocking(accepted) or any(stream.blocking(accepted) for stream in streams)
        )
        if self._config.register_stages:
            address, request = held.request.address, held.request if go else None
            advances = bool(windows.active) and held.ready(go=go)
        else:
            address, request = windows.address(), windows.request() if go else None
            advances = go
        rows.ports(address, go)
        linear = self._linear
        if linear.active:
            linear.ports()
        linear_ends = linear.finishes(ready)
        fetching = bool(windows.busy or held.valid)
        quiet = not (array.waiting or array.running or array.drain_waits or drain.state)
        item_taken = bool(
            reader.item_valid
            and not fetching
            and not array.waiting
            and (quiet or not reader.item["after"])
        )
        start = bool(array.waiting and not array.running and not array.drain_waits)
        done = bool(
            array.running
            and pool.done
            and not linear.busy
            and all(stream.done for stream in streams)
        )
        drain_start = bool(
            array.drain_waits and not drain.state and (reader.records_valid or array.item["pool"])
        )
        core_done, pass_done = drain.core_done(ready), drain.pass_done(ready)
        taken = drain.members if core_done else 0
        finished = pass_done and drain.item["final"]
        if pass_done or (drain.state == drain.POOL and pool.done):
            self._pass_ends.append(cycle)
        busy = bool(fetching or rows.write or array.running)
        ends = self._sequencer.done(array_busy=busy)

        takes = self._store()
        if drain_start:
            drain.start(array.drained, reader.records)
        else:
            drain.clock(ready, pooled=pool.done)
        fetched_item = array.fetched_item
        base, groups, item = array.base, array.groups, array.item
        self._cores(
            cycle, start=start, taken=taken, filled=filled, fetched=fetched_item,
            linear_ends=linear_ends,
        )  # fmt: skip
        if start:
            pool.start(
                enable=bool(fetched_item["pool"]), base=base,
                output_base=fetched_item["output_base"],
            )  # fmt: skip
        else:
            pool.clock(filled, array.last, item, groups)
        self._hand_over(start=start, done=done, item_taken=item_taken, drain_start=drain_start)
        if rows.write:
            place = (filled & self._config.window_slots - 1) // self._config.banks
            array.put("last", array.last & ~(1 << place) | rows.group_last << place)
            array.put("filled", filled + self._config.banks & self._mask)
        if go:
            array.put("accepted", accepted + self._config.banks & self._mask)
        rows.clock(request)
        if linear.active:
            linear.clock(cycle, finishes=linear_ends)
        fetches = item_taken and not reader.item["linear"]
        if item_taken and reader.item["linear"]:
            linear.take(reader.segments[0])
        if self._config.register_stages:
            held.clock(windows.request() if windows.active else None, go=go)
        windows.clock((reader.item_bits, reader.segments) if fetches else None, go=advances)
        if start and fetched_item["linear"]:
            self._linear_starts = fetched_item["cores"]
        self._begin(
            cycle, item_taken=item_taken, finished=bool(finished), busy=busy, takes=takes,
            records_taken=drain_start and not item["pool"],
        )  # fmt: skip
        return ends

    @property
    def _mask(self) -> int:
        return 2 * self._config.window_slots - 1

    def _store(self) -> bool:
        """The write port's registers take what drain, pooling unit or loader have in this cycle.

        Whether it is the loader.
        """
        loader, drain, pool, stores = self._loader, self._drain, self._pool, self._stores
        # The drain has a pooling pass too.
        halve, columns_bits = drain.item["halve"], drain.item["columns_bits"]
        if drain.write:
            lanes = stores.half(columns_bits, drain.upper) if halve else stores.part(drain.part)
            stores.clock(drain.address, drain.banks, lanes)
        elif pool.write:
            whole = (1 << self._config.lanes) - 1
            lanes = stores.half(columns_bits, pool.upper) if halve else whole
            stores.clock(pool.address, (1 << self._config.banks) - 1, lanes)
        elif loader.busy:
            bank, address, lanes = loader.place(self._point)
            stores.clock(address, 1 << bank, lanes)
            return True
        else:
            stores.put("enable", 0, "memory_ports")
        return False

    @property
    def _point(self) -> dict[str, int]:
        return unpack(POINT, self._sequencer.entry)

    def _cores(
        self, cycle: int, *, start: bool, taken: int, filled: int, fetched: dict[str, int],
        linear_ends: bool,
    ) -> None:  # fmt: skip
        """Term streams, and the cores' registers that say when sums are complete."""
        array, item = self._array, self._array.item
        issued_last = 0
        for index, stream in enumerate(self._streams):
            if self._config.operand_registers:
                stream.hold()
            took = bool(taken >> index & 1)
            if start:
                if took:
                    stream.put("held_sums", 0)
                stream.start(
                    enable=not fetched["pool"]
                    and not fetched["linear"]
                    and fetched["cores"] > index,
                    windows=fetched["windows"],
                    base=array.base,
                )
                stream.rest()
                continue
            issue = stream.issues(filled)
            stream.clock(
                cycle, filled, issue=issue, taken=took, tiles=item["output_pitch"],
                windows=item["windows"],
            )  # fmt: skip
            issued_last |= (stream.control >> 2 & 1) << index
        if linear_ends:
            issued_last = (1 << item["cores"]) - 1
        ready = array.ready & ~taken | array.finished
        array.put("ready", ready)
        if self._config.operand_registers:
            array.put("finished", array.held_last)
            array.held_last = array.issued_last
        else:
            array.put("finished", array.issued_last)
        array.issued_last = issued_last

    def _hand_over(self, *, start: bool, done: bool, item_taken: bool, drain_start: bool) -> None:
        """Passes go from stage to stage."""
        array, reader = self._array, self._reader
        if done:
            array.put("base", array.base + array.item["pass_windows"] & self._mask)
            array.put("running", 0)
        if drain_start:
            array.put("drain_waits", 0)
        if start:
            array.put("waiting", 0)
            array.put("running", 1)
            array.put("drained", array.fetched)
            array.item = array.fetched_item
            if self._config.register_stages:
                array.choose_lanes()
            if self._config.windows:
                array.put("groups", array.fetched_groups)
            array.put("drain_waits", 1)
        if item_taken:
            array.put("waiting", 1)
            array.put("fetched", reader.item_bits)
            array.fetched_item = reader.item
            if self._config.windows:
                array.put("fetched_groups", unpack(SEGMENT, reader.segments[0])["groups"])

    def _begin(
        self,
        cycle: int,
        *,
        item_taken: bool,
        finished: bool,
        busy: bool,
        takes: bool,
        records_taken: bool,
    ) -> None:
        """Sequencer, input loader and descriptor reader."""
        sequencer, loader, reader = self._sequencer, self._loader, self._reader
        input_free, address, reads = self._array.input_free, reader.address, sequencer.busy
        if item_taken and reader.item["frees_input"]:
            self._array.put("input_free", 1)
        if sequencer.jump is not None and self._streams:
            self._streams[sequencer.jump].jump(sequencer.word)
        if sequencer.passes_start:
            self._input_cycles = cycle
            reader.start(sequencer.entry & 0xFFFF)
            self._flush()
        else:
            reader.clock(item_taken=item_taken, records_taken=records_taken)
        if reads:
            reader.read(address)
        input_busy = loader.busy
        if takes:
            loader.clock(self._point)
        if sequencer.input_starts(input_free):
            loader.start(self._point)
        if self._start is not None:
            sequencer.start(self._start * directory_stride(self._config))
            self._start = None
        else:
            sequencer.clock(
                input_busy=input_busy, input_free=input_free, passes_end=finished,
                array_busy=busy,
            )  # fmt: skip

    def _flush(self) -> None:
        """The row buffer is emptied."""
        for name in ("accepted", "filled", "base", "input_free"):
            self._array.put(name, 0)
        for unit in (self._pool, *self._streams):
            unit.put("enabled", 0)


def _mask(bits: np.ndarray) -> int:
    """Bits, the lowest first, as one integer."""
    return sum(1 << int(index) for index in np.flatnonzero(bits))
