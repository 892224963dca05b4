"""Takes an inference's input elements and says where in the activation memory they go."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import POINT
from rtl_gen.program_loader import Error

__all__ = ["InputLoader", "input_layout"]


def input_layout(config: AcceleratorConfig) -> data.StructLayout:
    """An input ``element``, and whether it is the ``last`` of its inference."""
    return data.StructLayout({"element": config.operand_width, "last": 1})


class InputLoader(wiring.Component):
    """Accepts ``channels`` maps of ``height`` rows of ``width`` elements, each to its lane's word.

    A ``transposed`` map lies with its rows down the columns of the grid.

    An input whose ``last`` element is not where it must be is an error. What follows in one that is
    too long is thrown away.

    Parameters
    ----------
    config : lanes, banks, operand_width

    Members
    -------
    i : stream of input_layout, channel by channel, row by row
    start : In(1), begins an input that lies as ``point`` says, which stays stable
    busy : Out(1), elements are still missing
    hold : In(1), nothing is taken in this cycle; stop : In(1), gives up what is missing
    error : Out(4), an Error for one cycle, the input's last one
    take, bank, address, lane, element : Out, an element and its place

    Latency: none from ``i`` to ``take``. Throughput: one element per cycle.
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
                "address": Out(16),
                "lane": Out(range(config.lanes)),
                "element": Out(config.operand_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        point = self.point
        lane_bits = self._config.lanes.bit_length() - 1
        x = Signal(16)
        y = Signal(16)
        step = Signal(16)
        row = Signal(16)
        column = Signal(lane_bits + 1)
        strip = Signal(lane_bits)
        channel = Signal(16)
        channel_address = Signal(16)
        row_address = Signal(16)
        skipping = Signal()
        transfer = Signal()
        line_end = x + 1 == point.width
        map_end = line_end & (y + 1 == point.height)
        across = Mux(point.transposed, line_end, 1)
        down = Mux(point.transposed, 1, line_end)
        last_bank = self.bank + 1 == self._config.banks
        m.d.comb += [
            self.i.ready.eq(skipping | (self.busy & ~self.hold)),
            transfer.eq(self.i.ready & self.i.valid),
            self.take.eq(transfer & ~skipping),
            self.address.eq(row_address + step),
            self.lane.eq((strip << point.columns_bits) + column),
            self.element.eq(self.i.payload.element),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                self.bank.eq(0),
                channel.eq(0),
                channel_address.eq(point.base),
                row_address.eq(point.base),
                *(counter.eq(0) for counter in (x, y, step, row, column, strip)),
            ]
        with m.If(self.take):
            m.d.sync += x.eq(Mux(line_end, 0, x + 1))
            with m.If(across):
                m.d.sync += step.eq(step + 1)
                with m.If(step + 1 == point.steps):
                    m.d.sync += [step.eq(0), column.eq(column + 1)]
            with m.If(down):
                m.d.sync += [row.eq(row + 1), row_address.eq(row_address + point.steps)]
                with m.If(row + 1 == point.rows):
                    m.d.sync += [row.eq(0), strip.eq(strip + 1), row_address.eq(channel_address)]
            with m.If(line_end):
                m.d.sync += y.eq(y + 1)
                with m.If(point.transposed):
                    m.d.sync += [row.eq(0), strip.eq(0), row_address.eq(channel_address)]
                with m.Else():
                    m.d.sync += [step.eq(0), column.eq(0)]
            with m.If(map_end):
                m.d.sync += [
                    *(counter.eq(0) for counter in (y, step, row, column, strip)),
                    row_address.eq(channel_address),
                    self.bank.eq(self.bank + 1),
                    channel.eq(channel + 1),
                    self.busy.eq(channel + 1 != point.channels),
                ]
                with m.If(last_bank):
                    m.d.sync += [
                        self.bank.eq(0),
                        channel_address.eq(channel_address + point.pitch),
                        row_address.eq(channel_address + point.pitch),
                    ]

        last = self.i.payload.last
        complete = map_end & (channel + 1 == point.channels)
        with m.If(self.take & last & ~complete):
            m.d.comb += self.error.eq(Error.INPUT_SHORT)
        with m.Elif(self.take & complete & ~last):
            m.d.comb += self.error.eq(Error.INPUT_LONG)
            m.d.sync += skipping.eq(1)
        with m.Elif(self.busy & self.stop):
            m.d.comb += self.error.eq(Error.INPUT_STOPPED)
        with m.If(self.error != Error.NONE):
            m.d.sync += self.busy.eq(0)
        with m.If(skipping & transfer & last):
            m.d.sync += skipping.eq(0)
        return m
