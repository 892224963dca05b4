"""Takes a finished tile out of the accumulators: requantises and stores it, or sends it out raw."""

from amaranth import Array, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import MAX_STEPS
from pann_hw.program.layout import CORE, PASS
from rtl_gen.requantiser import Requantiser

__all__ = ["Drain", "output_layout"]


def output_layout(config: AcceleratorConfig) -> data.StructLayout:
    """An output element: accumulator ``value``, ``last`` of the inference."""
    return data.StructLayout({"value": signed(config.accumulator_width), "last": 1})


class Drain(wiring.Component):
    """One core after another: ``item.steps`` cycles each to memory, or one cycle per raw element.

    Parameters
    ----------
    config : lanes, cores, accumulator_width

    Members
    -------
    item : In, the pass
    start : In(1), a tile is complete in ``sums``; ``lanes_in_use``, ``final`` (last tile of the
        inference) and ``tile_address`` (of the first core's word) stay stable until ``done``
    cores : In, each core's CORE record
    sums : In, each core's accumulators
    done : Out(1), the accumulators may be overwritten; a pulse
    write, address, word : Out, a requantised word
    o : stream of raw elements: core by core, lane by lane

    Latency: steps * cores + 1 cycles from ``start`` to ``done``; raw elements one per transfer.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        lane_sums = data.ArrayLayout(signed(config.accumulator_width), config.lanes)
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "start": In(1),
                "lanes_in_use": In(range(config.lanes + 1)),
                "final": In(1),
                "tile_address": In(16),
                "cores": In(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "sums": In(data.ArrayLayout(lane_sums, config.cores)),
                "done": Out(1),
                "write": Out(1),
                "address": Out(16),
                "word": Out(data.ArrayLayout(config.operand_width, config.lanes)),
                "o": Out(stream.Signature(output_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.requantiser = requantiser = Requantiser(config)
        core = Signal(range(config.cores + 1))
        step = Signal(range(MAX_STEPS + 1))
        lane = Signal(range(config.lanes))
        word_address = Signal(16)
        record = Signal(data.StructLayout(dict(CORE)))
        last_core = core + 1 == self.item.cores
        last_lane = lane + 1 == self.lanes_in_use
        m.d.comb += [
            record.eq(Array(self.cores[index] for index in range(config.cores))[core]),
            requantiser.sums.eq(Array(self.sums[index] for index in range(config.cores))[core]),
            requantiser.first.eq(step == 0),
            requantiser.q_max.eq(self.item.q_max),
            self.word.eq(requantiser.value),
            self.o.payload.value.eq(
                Array(requantiser.sums[index] for index in range(config.lanes))[lane]
            ),
            self.o.payload.last.eq(self.final & last_core & last_lane),
        ]
        with m.Switch(step):
            for index in range(MAX_STEPS):
                with m.Case(index):
                    m.d.comb += [
                        requantiser.add.eq(record[f"add{index}"]),
                        requantiser.subtract.eq(record[f"subtract{index}"]),
                        requantiser.shift.eq(record[f"shift{index}"]),
                    ]

        # The requantiser's result appears as the next core's first step is under way.
        finished = Signal()
        m.d.sync += [self.write.eq(finished), self.done.eq(0)]
        with m.If(finished):
            m.d.sync += self.address.eq(word_address)

        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    core.eq(0),
                    step.eq(0),
                    lane.eq(0),
                    word_address.eq(self.tile_address),
                ]
                with m.If(self.item.raw):
                    m.next = "RAW"
                with m.Else():
                    m.next = "REQUANTISE"
            with m.State("REQUANTISE"):
                m.d.comb += requantiser.enable.eq(1)
                m.d.sync += step.eq(step + 1)
                with m.If(step + 1 == self.item.steps):
                    m.d.comb += finished.eq(1)
                    m.d.sync += [
                        step.eq(0),
                        core.eq(core + 1),
                        word_address.eq(word_address + self.item.output_pitch),
                    ]
                    with m.If(last_core):
                        m.d.sync += self.done.eq(1)
                        m.next = "IDLE"
            with m.State("RAW"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(last_lane):
                        m.d.sync += [lane.eq(0), core.eq(core + 1)]
                        with m.If(last_core):
                            m.d.sync += self.done.eq(1)
                            m.next = "IDLE"
        return m
