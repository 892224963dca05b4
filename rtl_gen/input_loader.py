"""Takes an inference's input elements and says where in the activation memory they go."""

from amaranth import Array, Const, Elaboratable, EnableInserter, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import POINT
from pann_hw.registers.error import Error

__all__ = ["InputLoader", "input_layout"]


def input_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A beat: some ``elements`` of an input, the first in the lowest bits, and whether it is the
    ``last`` of its inference."""
    return data.StructLayout({"elements": config.operand_width * config.input_elements, "last": 1})


class InputLoader(wiring.Component):
    """Accepts the maps of ``channels`` channels, each element to its lane's word.

    A ``transposed`` map lies with its rows down the columns of the grid. With ``whole_beats`` the
    elements of a beat are written at once, to neighbouring lanes of a word; elsewhere one by one,
    and a beat is accepted with its last one. What the last beat has above the input's last element
    is ignored.

    An input whose ``last`` beat is not where it must be is an error. What follows in one that is
    too long is thrown away.

    Parameters
    ----------
    config : lanes, banks, activation_words, operand_width, input_elements

    Members
    -------
    i : stream of input_layout, channel by channel, row by row
    start : In(1), begins an input that lies as ``point`` says, which stays stable
    busy : Out(1), elements are still missing
    hold : In(1), nothing is taken in this cycle
    stop : In(1), gives up what is missing, and accepts the beat that is being taken
    error : Out(4), an Error for one cycle, the input's last one
    take, bank, address, lane, whole_beat, elements : Out, an element, which all ``elements`` are,
        or a whole beat from ``lane`` on, and its place

    Latency: none from ``i`` to ``take``. Throughput: one element, or whole beat, per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(input_layout(config))),
                "start": In(1),
                "point": In(data.StructLayout(dict(POINT))),
                "busy": Out(1),
                "hold": In(1),
                "stop": In(1),
                "error": Out(4),
                "take": Out(1),
                "bank": Out(range(max(config.banks, 2))),
                "address": Out(config.address_bits),
                "lane": Out(range(config.lanes)),
                "whole_beat": Out(1),
                "elements": Out(config.operand_width * config.input_elements),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        config, point = self._config, self.point
        bits = config.address_bits
        lane_bits = config.lanes.bit_length() - 1
        bank_bits = config.banks.bit_length() - 1
        step = Signal(bits)
        row = Signal(bits)
        column = Signal(lane_bits)
        strip = Signal(lane_bits)
        channel = Signal(config.channel_bits)
        channel_address = Signal(bits)
        row_address = Signal(bits)
        skipping = Signal()
        accepted = Signal()
        across_end = _ends(column, point.columns) & _ends(step, point.last_steps)
        down_end = _ends(strip, point.strips) & _ends(row, point.last_rows)
        map_end = Signal()
        complete = Signal()
        beat_end = self._elements(m, complete)
        last_bank = channel[:bank_bits].all()
        following = Mux(last_bank, channel_address + point.pitch, channel_address)
        first_column = column << (config.input_elements.bit_length() - 1)
        m.d.comb += [
            map_end.eq(across_end & down_end),
            complete.eq(map_end & _ends(channel, point.channels)),
            self.i.ready.eq(skipping | (self.busy & ~self.hold & (beat_end | self.stop))),
            accepted.eq(self.i.ready & self.i.valid),
            self.take.eq(self.i.valid & self.busy & ~self.hold & ~skipping),
            self.bank.eq(channel[:bank_bits]),
            self.address.eq(row_address + step),
            self.lane.eq(
                (strip << point.columns_bits) | Mux(self.whole_beat, first_column, column)
            ),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                channel_address.eq(point.base),
                row_address.eq(point.base),
                *(counter.eq(0) for counter in (channel, step, row, column, strip)),
            ]
        with m.If(self.take):
            with m.If(~point.transposed | down_end):
                m.d.sync += step.eq(step + 1)
                with m.If(_ends(step, point.steps)):
                    m.d.sync += [step.eq(0), column.eq(column + 1)]
                with m.If(across_end):
                    m.d.sync += [step.eq(0), column.eq(0)]
            with m.If(point.transposed | across_end):
                m.d.sync += [row.eq(row + 1), row_address.eq(row_address + point.steps)]
                with m.If(_ends(row, point.rows)):
                    m.d.sync += [row.eq(0), strip.eq(strip + 1), row_address.eq(channel_address)]
                with m.If(down_end):
                    m.d.sync += [row.eq(0), strip.eq(0), row_address.eq(channel_address)]
            with m.If(map_end):
                m.d.sync += [
                    channel.eq(channel + 1),
                    channel_address.eq(following),
                    row_address.eq(following),
                    self.busy.eq(~complete),
                ]

        last = self.i.payload.last
        with m.If(self.take & beat_end & last & ~complete):
            m.d.comb += self.error.eq(Error.INPUT_SHORT)
        with m.Elif(self.take & complete & ~last):
            m.d.comb += self.error.eq(Error.INPUT_LONG)
            m.d.sync += skipping.eq(1)
        with m.Elif(self.busy & self.stop):
            m.d.comb += self.error.eq(Error.INPUT_STOPPED)
        with m.If(self.error != Error.NONE):
            m.d.sync += self.busy.eq(0)
        with m.If(skipping & accepted & last):
            m.d.sync += skipping.eq(0)
        # Where nothing moves nothing is clocked.
        moving = self.start | self.take | (self.error != Error.NONE) | (skipping & accepted)
        return EnableInserter(moving)(m)

    def _elements(self, m: Module, complete: Value) -> Value:
        """What of the beat is written; whether it is through then."""
        count, beat = self._config.input_elements, self.i.payload.elements
        if count == 1:
            m.d.comb += self.elements.eq(beat)
            return Const(1, 1)
        index = Signal(range(count))
        m.d.comb += self.whole_beat.eq(self.point.whole_beats)
        width = self._config.operand_width
        # word_select would multiply where the width is no power of two.
        element = Array(beat[at * width :][:width] for at in range(count))[index]
        m.d.comb += self.elements.eq(Mux(self.whole_beat, beat, element.replicate(count)))
        with m.If(self.start):
            m.d.sync += index.eq(0)
        with m.Elif(self.take & ~self.whole_beat):
            m.d.sync += index.eq(index + 1)
        return self.whole_beat | index.all() | complete


def _ends(counter: Signal, count: Value) -> Value:
    """Whether a counter is at the last of so many."""
    return counter + 1 == count[: len(counter) + 1]
