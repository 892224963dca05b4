"""The array: C cores that follow one broadcast, windows or bits, each with its own weights."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import PASS, SEGMENT
from rtl_gen.core import Core, sums_layout
from rtl_gen.linear_stream import LinearStream, record_layout
from rtl_gen.max_pool import MaxPool
from rtl_gen.row_buffer import RowBuffer, count_bits, row_layout
from rtl_gen.row_reader import RowReader
from rtl_gen.stream_register import StreamRegister
from rtl_gen.term_memory import TermMemory
from rtl_gen.term_stream import TermStream
from rtl_gen.weight_memory import WeightMemory
from rtl_gen.window_sequencer import WindowRequest, WindowSequencer

__all__ = ["CoreArray"]


class CoreArray(wiring.Component):
    """Fetch, row buffer, cores with their term memories, and the max pooling unit.

    A pass goes through three stages that each take it over from the one before: its windows are
    fetched, its terms are added (or its windows compared), its sums are drained. A linear pass has
    no windows: the linear stream reads activations, and the cores have memories of weights.

    Parameters
    ----------
    config : everything but descriptor_words

    Members
    -------
    item, segments, item_valid : In, the next pass; item_taken : Out(1)
    drained : Out, the PASS record that is to be drained; drain_waits : Out(1), until drain_start :
        In(1); drain_busy : In(1), a pass is being drained
    busy : Out(1), windows are being fetched or used
    input_free : Out(1), the place of the input may be written: no pass that is left reads or stores
        there
    flush : In(1), begins an inference: empties the row buffer; only while not busy
    jump, target : In, sets the term address of the cores whose bit is set
    term_write, weight_write, term_core, term_address, term : In, writes a word of a core's term
        memory, or of its weight memory
    address, read, words : the activation memory's read port
    sums, ready : Out; taken : In, each core's finished tile
    pooled, pooled_write, pooled_address, pooled_phase, pooled_upper : Out, a group of channels'
        maxima
    pool_done : Out(1), no maxima are missing

    Latency: see the parts. Throughput: one bundle per core and cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        words = data.ArrayLayout(row_layout(config), config.banks)
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "item_valid": In(1),
                "item_taken": Out(1),
                "drained": Out(data.StructLayout(dict(PASS))),
                "drain_waits": Out(1),
                "drain_start": In(1),
                "drain_busy": In(1),
                "busy": Out(1),
                "input_free": Out(1),
                "flush": In(1),
                "jump": In(config.cores),
                "target": In(config.term_address_bits),
                "term_write": In(1),
                "weight_write": In(1),
                "term_core": In(range(max(config.cores, 2))),
                "term_address": In(config.term_address_bits + 1),
                "term": In(32),
                "address": Out(16),
                "read": Out(1),
                "words": In(words),
                "sums": Out(data.ArrayLayout(sums_layout(config), config.cores)),
                "ready": Out(config.cores),
                "taken": In(config.cores),
                "pooled": Out(words),
                "pooled_write": Out(1),
                "pooled_address": Out(16),
                "pooled_phase": Out(1),
                "pooled_upper": Out(1),
                "pool_done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        fetched = Signal(data.StructLayout(dict(PASS)))
        waiting = Signal()
        running = Signal()
        start = Signal()
        done = Signal()
        quiet = Signal()
        fetching = Signal()
        item = self.drained
        m.d.comb += [
            quiet.eq(~waiting & ~running & ~self.drain_waits & ~self.drain_busy),
            self.item_taken.eq(self.item_valid & ~fetching & ~waiting & (quiet | ~self.item.after)),
            start.eq(waiting & ~running & ~self.drain_waits),
        ]
        with m.If(self.item_taken):
            m.d.sync += [
                waiting.eq(1),
                self.input_free.eq(self.input_free | self.item.frees_input),
                fetched.eq(self.item),
            ]
        with m.If(self.drain_start):
            m.d.sync += self.drain_waits.eq(0)
        with m.If(start):
            m.d.sync += [
                waiting.eq(0),
                running.eq(1),
                item.eq(fetched),
                self.drain_waits.eq(1),
            ]
        with m.If(done):
            m.d.sync += running.eq(0)
        with m.If(self.flush):
            m.d.sync += self.input_free.eq(0)

        cores = self._cores(m)
        parts = []
        if config.windows:
            parts.append(self._windows(m, cores, start, done, fetched))
        else:
            m.d.comb += self.pool_done.eq(1)
        if config.linear:
            parts.append(self._linear(m, cores, start, running, fetched))
        m.d.comb += [
            fetching.eq(Cat(*(part.fetching for part in parts)).any()),
            self.busy.eq(running | Cat(*(part.busy for part in parts)).any()),
            done.eq(running & ~Cat(*(part.unfinished for part in parts)).any()),
            self.read.eq(Cat(*(part.read for part in parts)).any()),
            self.address.eq(Mux(parts[-1].reading, parts[-1].address, parts[0].address)),
        ]
        return m

    def _cores(self, m: Module) -> list[Core]:
        """The cores, and which of their lanes are in use."""
        config, item = self._config, self.drained
        lane_on = Signal(config.lanes)
        columns = Signal(config.lanes.bit_length() - 1)
        m.d.comb += columns.eq((1 << item.columns_bits) - 1)
        # No bundle is added before these are up to date.
        domain = m.d.sync if config.register_stages else m.d.comb
        for lane in range(config.lanes):
            domain += lane_on[lane].eq(
                (lane < (item.strips << item.columns_bits)) & ((lane & columns) < item.columns)
            )
        cores = [Core(config) for _ in range(config.cores)]
        for index, core in enumerate(cores):
            m.submodules[f"core_{index}"] = core
            m.d.comb += [
                core.lane_on.eq(lane_on),
                core.taken.eq(self.taken[index]),
                self.sums[index].eq(core.sums),
                self.ready[index].eq(core.ready),
            ]
        return cores

    def _windows(
        self, m: Module, cores: list[Core], start: Signal, done: Signal, fetched: data.View
    ) -> _Part:
        """What fetches windows, and what adds or compares them."""
        config = self._config
        item = self.drained
        m.submodules.sequencer = sequencer = WindowSequencer(config)
        m.submodules.reader = reader = RowReader(config)
        m.submodules.row_buffer = row_buffer = RowBuffer(config)
        m.submodules.max_pool = max_pool = MaxPool(config)
        fetching: Value = sequencer.busy
        if config.register_stages:
            m.submodules.request_register = register = StreamRegister(WindowRequest)
            connect(m, sequencer.o, register.i)
            connect(m, register.o, reader.i)
            fetching = fetching | register.o.valid
        else:
            connect(m, sequencer.o, reader.i)

        bits = count_bits(config)
        accepted = Signal(bits)
        base = Signal(bits)
        fetched_groups = Signal(16)
        groups = Signal(16)
        with m.If(reader.accepted):
            m.d.sync += accepted.eq(accepted + config.banks)
        with m.If(self.item_taken):
            m.d.sync += fetched_groups.eq(self.segments[0].groups)
        with m.If(start):
            m.d.sync += groups.eq(fetched_groups)
        with m.If(done):
            m.d.sync += base.eq(base + item.pass_windows)
        with m.If(self.flush):
            m.d.sync += [accepted.eq(0), base.eq(0)]

        linear = self.item.linear if config.linear else 0
        m.d.comb += [
            sequencer.item.eq(self.item),
            sequencer.segments.eq(self.segments),
            sequencer.start.eq(self.item_taken & ~linear),
            reader.words.eq(self.words),
            row_buffer.flush.eq(self.flush),
            row_buffer.write.eq(reader.write),
            row_buffer.i.eq(reader.o),
            row_buffer.group_last.eq(reader.group_last),
            max_pool.flush.eq(self.flush),
            max_pool.start.eq(start),
            max_pool.enable.eq(fetched.pool),
            max_pool.tiles.eq(item.output_pitch),
            max_pool.groups.eq(groups),
            max_pool.base.eq(base),
            max_pool.rows.eq(row_buffer.rows),
            max_pool.last.eq(row_buffer.last),
            max_pool.accepted.eq(accepted),
            max_pool.filled.eq(row_buffer.filled),
            max_pool.output_base.eq(Mux(start, fetched.output_base, item.output_base)),
            max_pool.pitch.eq(item.output_pitch),
            max_pool.halve.eq(item.halve),
            max_pool.steps.eq(item.steps_wide),
            self.pooled.eq(max_pool.value),
            self.pooled_write.eq(max_pool.write),
            self.pooled_address.eq(max_pool.address),
            self.pooled_phase.eq(max_pool.phase),
            self.pooled_upper.eq(max_pool.upper),
            self.pool_done.eq(max_pool.done),
        ]

        left_edge, right_edge = (
            Signal(config.lanes, name=name) for name in ("left_edge", "right_edge")
        )
        columns = Signal(config.lanes.bit_length() - 1, name="edge_columns")
        m.d.comb += columns.eq((1 << item.columns_bits) - 1)
        domain = m.d.sync if config.register_stages else m.d.comb
        for lane in range(config.lanes):
            column = lane & columns
            domain += [left_edge[lane].eq(column == 0), right_edge[lane].eq(column == columns)]

        blocking: Value = max_pool.blocking
        unfinished: Value = ~max_pool.done
        linear = fetched.linear if config.linear else 0
        for index, core in enumerate(cores):
            terms, store = TermStream(config), TermMemory(config)
            m.submodules[f"terms_{index}"] = terms
            m.submodules[f"term_memory_{index}"] = store
            m.d.comb += [
                store.write.eq(self.term_write & (self.term_core == index)),
                store.write_address.eq(self.term_address),
                store.word.eq(self.term),
                store.read.eq(terms.read),
                store.address.eq(terms.address),
                terms.bundle.eq(store.bundle),
                terms.jump.eq(self.jump[index]),
                terms.target.eq(self.target),
                terms.flush.eq(self.flush),
                terms.start.eq(start),
                terms.enable.eq(~fetched.pool & ~linear & (fetched.cores > index)),
                terms.tiles.eq(item.output_pitch),
                terms.windows.eq(Mux(start, fetched.windows, item.windows)),
                terms.base.eq(base),
                terms.accepted.eq(accepted),
                terms.filled.eq(row_buffer.filled),
                terms.taken.eq(self.taken[index]),
                core.left_edge.eq(left_edge),
                core.right_edge.eq(right_edge),
                core.rows.eq(row_buffer.rows),
                core.control.eq(terms.o),
            ]
            blocking, unfinished = blocking | terms.blocking, unfinished | ~terms.done
        m.d.comb += reader.room.eq(~blocking)
        return _Part(
            fetching=fetching,
            busy=fetching | reader.write,
            unfinished=unfinished,
            reading=reader.read,
            read=reader.read,
            address=reader.address,
        )

    def _linear(
        self, m: Module, cores: list[Core], start: Signal, running: Signal, fetched: data.View
    ) -> _Part:
        """What reads activations, and adds columns of weights."""
        config = self._config
        item = self.drained
        m.submodules.linear_stream = stream = LinearStream(config)
        record = Signal(record_layout(), name="linear_record")
        found = self.segments[0].as_value()[: record.as_value().shape().width]
        with m.If(self.item_taken & self.item.linear):
            m.d.sync += record.eq(found)
        m.d.comb += [
            stream.start.eq(start & fetched.linear),
            stream.record.eq(record),
            stream.waits.eq(self.ready.any()),
            stream.words.eq(self.words),
        ]
        for index, core in enumerate(cores):
            store = WeightMemory(config)
            m.submodules[f"weight_memory_{index}"] = store
            on = running & item.linear & (item.cores > index)
            m.d.comb += [
                store.write.eq(self.weight_write & (self.term_core == index)),
                store.write_address.eq(self.term_address),
                store.word.eq(self.term),
                store.read.eq(stream.column_read & on),
                store.address.eq(stream.column),
                core.linear_on.eq(on),
                core.linear.eq(stream.o),
                core.column.eq(store.column),
            ]
        return _Part(
            fetching=Const(0, 1),
            busy=Const(0, 1),
            unfinished=stream.busy,
            reading=stream.busy,
            read=stream.read,
            address=stream.address,
        )


@dataclass(frozen=True)
class _Part:
    """What the kinds of passes have in common.

    fetching: no further pass can be taken; busy: something is on its way; unfinished: the pass is;
    reading, read, address: of the activation memory's read port
    """

    fetching: Value
    busy: Value
    unfinished: Value
    reading: Value
    read: Value
    address: Value
