"""Takes finished tiles out of the cores: requantises and stores them, or sends them out raw."""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import MAX_STEPS
from pann_hw.program.layout import CORE, PASS
from rtl_gen.core import sums_layout
from rtl_gen.requantiser import Requantiser

__all__ = ["Drain", "output_layout"]


def output_layout(config: AcceleratorConfig) -> data.StructLayout:
    """An output element: accumulator ``value``, ``last`` of the inference."""
    return data.StructLayout({"value": signed(config.accumulator_width), "last": 1})


class Drain(wiring.Component):
    """Tile by tile and core by core: adds the bias, then ``item.steps`` cycles each to memory, or
    one cycle per raw lane.

    Parameters
    ----------
    config : lanes, cores, banks, accumulator_width

    Members
    -------
    item, records : In, the next pass and a CORE record for each core; start : In(1), takes them
    sums, ready : In, each core's finished tile
    taken : Out, a bit for each core: its sums may be overwritten
    pooled : In(1), the pass's maxima are all stored; ends a pooling pass
    busy : Out(1), a pass is under way
    finished : Out(1), the last pass of an inference ends; a pulse
    write, bank, address, word : Out, a requantised word
    o : stream of raw elements: tile by tile, core by core, lane by lane

    Latency: ``item.steps`` cycles from ``ready`` to ``taken``, one more to ``write``.
    Throughput: as many cycles for each word; raw elements one per transfer.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "records": In(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "start": In(1),
                "sums": In(data.ArrayLayout(sums_layout(config), config.cores)),
                "ready": In(config.cores),
                "taken": Out(config.cores),
                "pooled": In(1),
                "busy": Out(1),
                "finished": Out(1),
                "write": Out(1),
                "bank": Out(range(max(config.banks, 2))),
                "address": Out(16),
                "word": Out(data.ArrayLayout(config.operand_width, config.lanes)),
                "o": Out(stream.Signature(output_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.requantiser = requantiser = Requantiser(config)
        item = Signal(data.StructLayout(dict(PASS)), name="held_item")
        records = Signal(
            data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores), name="held_records"
        )
        core = Signal(range(config.cores + 1))
        step = Signal(range(MAX_STEPS + 1))
        lane = Signal(range(config.lanes))
        row = Signal(16)
        column = Signal(16)
        tile_address = Signal(16)
        word_address = Signal(16)
        word_bank = Signal(range(max(config.banks, 2)))
        record = Signal(data.StructLayout(dict(CORE)))
        m.d.comb += [
            record.eq(Array(records[index] for index in range(config.cores))[core]),
            requantiser.first.eq(step == 0),
            requantiser.q_max.eq(item.q_max),
            self.word.eq(requantiser.value),
        ]
        # Bias and sums are added modulo 2**width: the total of both fits, whatever each of them is.
        chosen = Array(self.sums[index] for index in range(config.cores))[core]
        for index in range(config.lanes):
            m.d.comb += requantiser.sums[index].eq(chosen[index] + record.bias)
        with m.Switch(step):
            for index in range(MAX_STEPS):
                with m.Case(index):
                    m.d.comb += [
                        requantiser.add.eq(record[f"add{index}"]),
                        requantiser.subtract.eq(record[f"subtract{index}"]),
                        requantiser.shift.eq(record[f"shift{index}"]),
                    ]

        strips = Signal(8)
        columns = Signal(8)
        row_end = Signal()
        last_core = Signal()
        last_tile = Signal()
        lane_bits = config.lanes.bit_length() - 1
        last_lane = Signal(lane_bits)
        place = Signal(lane_bits)
        m.d.comb += [
            strips.eq(item.strips - (row >= item.last_rows)),
            columns.eq(item.columns - (column >= item.last_steps)),
            last_lane.eq(((strips - 1) << item.columns_bits) + columns - 1),
            place.eq(lane & ((1 << item.columns_bits) - 1)),
            row_end.eq(column + 1 == item.steps_wide),
            last_tile.eq(row_end & (row + 1 == item.rows)),
            last_core.eq(core + 1 == item.cores),
            self.o.payload.value.eq(
                Array(requantiser.sums[index] for index in range(config.lanes))[lane]
            ),
            self.o.payload.last.eq(item.final & last_tile & last_core & (lane == last_lane)),
        ]

        # The requantiser's result appears as the next word's first step is under way.
        stored = Signal()
        core_done = Signal()
        pass_done = Signal()
        m.d.sync += self.write.eq(stored)
        with m.If(stored):
            m.d.sync += [self.address.eq(word_address), self.bank.eq(word_bank)]
        m.d.comb += [
            self.taken.eq(core_done << core),
            pass_done.eq(core_done & last_core & last_tile),
            self.finished.eq(pass_done & item.final),
        ]

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    item.eq(self.item),
                    core.eq(0),
                    step.eq(0),
                    lane.eq(0),
                    row.eq(0),
                    column.eq(0),
                    tile_address.eq(self.item.output_base),
                    word_address.eq(self.item.output_base),
                    word_bank.eq(self.item.bank),
                ]
                with m.If(self.item.pool):
                    m.next = "POOL"
                with m.Else():
                    m.d.sync += records.eq(self.records)
                    with m.If(self.item.raw):
                        m.next = "RAW"
                    with m.Else():
                        m.next = "REQUANTISE"
            with m.State("REQUANTISE"), m.If(self.ready.bit_select(core, 1)):
                m.d.comb += requantiser.enable.eq(1)
                m.d.sync += step.eq(step + 1)
                with m.If(step + 1 == item.steps):
                    m.d.comb += [stored.eq(1), core_done.eq(1)]
                    m.d.sync += step.eq(0)
                with m.If(pass_done):
                    m.next = "IDLE"
            with m.State("RAW"), m.If(self.ready.bit_select(core, 1)):
                exists = place < columns
                m.d.comb += self.o.valid.eq(exists)
                with m.If(self.o.ready | ~exists):
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(lane == last_lane):
                        m.d.comb += core_done.eq(1)
                        m.d.sync += lane.eq(0)
                with m.If(pass_done):
                    m.next = "IDLE"
            with m.State("POOL"), m.If(self.pooled):
                m.next = "IDLE"
        with m.If(core_done):
            last_bank = word_bank + 1 == config.banks
            m.d.sync += [
                core.eq(core + 1),
                word_bank.eq(Mux(last_bank, 0, word_bank + 1)),
                word_address.eq(word_address + Mux(last_bank, item.output_pitch, 0)),
            ]
            with m.If(last_core):
                m.d.sync += [
                    core.eq(0),
                    column.eq(Mux(row_end, 0, column + 1)),
                    row.eq(row + row_end),
                    tile_address.eq(tile_address + 1),
                    word_address.eq(tile_address + 1),
                    word_bank.eq(item.bank),
                ]
        return m
