"""The array: C cores that follow one broadcast of input rows, each with its own terms."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import CORE, PASS, SEGMENT
from rtl_gen.core import Core
from rtl_gen.max_pool import MaxPool
from rtl_gen.row_buffer import RowBuffer
from rtl_gen.row_reader import RowReader
from rtl_gen.term_memory import TermMemory, term_layout
from rtl_gen.term_stream import TermStream
from rtl_gen.window_sequencer import WindowSequencer

__all__ = ["CoreArray"]


class CoreArray(wiring.Component):
    """Fetch, row buffer, cores with their term memories, and the max pooling unit.

    Parameters
    ----------
    config : everything but descriptor_words

    Members
    -------
    item, segments, records : In, the pass, its segments, a CORE record per core
    start, next_tile : In(1), fetch a pass's first tile, or its next one; prepares all rails
    load : In(1), accumulators take their bias; ``run`` : In(1), terms may be issued
    lane_on : In(lanes); final_tile : In(1), the tile under way is its pass's last
    done : Out(1), every rail and the pooling unit are through with the tile
    jump : In(rails of all cores), sets those rails' term address to ``target``
    term_write, term_rail, term_address, term : In, writes a term memory
    address, read, word : the activation memory's read port
    sums : Out, accumulators per core
    pooled, pooled_write : Out, a channel's maxima

    Latency: see the parts. Throughput: one term per rail and cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        rails = config.cores * config.rails
        lane_sums = data.ArrayLayout(signed(config.accumulator_width), config.lanes)
        row = data.ArrayLayout(config.operand_width, config.lanes)
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "records": In(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "start": In(1),
                "next_tile": In(1),
                "load": In(1),
                "run": In(1),
                "lane_on": In(config.lanes),
                "final_tile": In(1),
                "done": Out(1),
                "jump": In(rails),
                "target": In(16),
                "term_write": In(1),
                "term_rail": In(range(max(rails, 2))),
                "term_address": In(16),
                "term": In(term_layout(config).size),
                "address": Out(16),
                "read": Out(1),
                "word": In(row),
                "sums": Out(data.ArrayLayout(lane_sums, config.cores)),
                "pooled": Out(row),
                "pooled_write": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        prepare = Signal()
        m.d.comb += prepare.eq(self.start | self.next_tile)

        m.submodules.sequencer = sequencer = WindowSequencer(config)
        m.submodules.reader = reader = RowReader(config)
        m.submodules.row_buffer = row_buffer = RowBuffer(config)
        m.submodules.max_pool = max_pool = MaxPool(config)
        connect(m, sequencer.o, reader.i)
        accepted = Signal.like(row_buffer.filled)
        with m.If(prepare):
            m.d.sync += accepted.eq(0)
        with m.Elif(reader.accepted):
            m.d.sync += accepted.eq(accepted + 1)
        m.d.comb += [
            sequencer.item.eq(self.item),
            sequencer.segments.eq(self.segments),
            sequencer.start.eq(self.start),
            sequencer.next_tile.eq(self.next_tile),
            reader.segments.eq(self.segments),
            self.address.eq(reader.address),
            self.read.eq(reader.read),
            reader.word.eq(self.word),
            row_buffer.flush.eq(prepare),
            row_buffer.write.eq(reader.write),
            row_buffer.i.eq(reader.o),
            max_pool.prepare.eq(prepare),
            max_pool.enable.eq(self.item.pool),
            max_pool.run.eq(self.run),
            max_pool.channels.eq(self.segments[0].channels),
            max_pool.rows.eq(row_buffer.rows),
            max_pool.taps.eq(row_buffer.taps),
            max_pool.channel_last.eq(row_buffer.channel_last),
            max_pool.accepted.eq(accepted),
            max_pool.filled.eq(row_buffer.filled),
            self.pooled.eq(max_pool.value),
            self.pooled_write.eq(max_pool.write),
        ]

        blocking, done = max_pool.blocking, max_pool.done
        for index in range(config.cores):
            m.submodules[f"core_{index}"] = core = Core(config)
            m.d.comb += [
                core.load.eq(self.load & (self.item.cores > index)),
                core.bias.eq(self.records[index].bias),
                core.lane_on.eq(self.lane_on),
                core.rows.eq(row_buffer.rows),
                self.sums[index].eq(core.sums),
            ]
            for rail in range(config.rails):
                number = index * config.rails + rail
                terms = TermStream(config)
                store = TermMemory(config)
                m.submodules[f"terms_{number}"] = terms
                m.submodules[f"term_memory_{number}"] = store
                m.d.comb += [
                    store.write.eq(self.term_write & (self.term_rail == number)),
                    store.write_address.eq(self.term_address),
                    store.term.eq(self.term),
                    store.read.eq(terms.read),
                    store.address.eq(terms.address),
                    terms.word.eq(store.word),
                    terms.jump.eq(self.jump[number]),
                    terms.target.eq(self.target),
                    terms.prepare.eq(prepare),
                    terms.enable.eq(~self.item.pool & (self.item.cores > index)),
                    terms.run.eq(self.run),
                    terms.final_tile.eq(self.final_tile),
                    terms.accepted.eq(accepted),
                    terms.filled.eq(row_buffer.filled),
                    core.control[rail].eq(terms.o),
                ]
                blocking, done = blocking | terms.blocking, done & terms.done
        m.d.comb += [
            reader.room.eq(~blocking),
            # Rows that no term is left to use are not read.
            reader.flush.eq(prepare | done),
            self.done.eq(done),
        ]
        return m
