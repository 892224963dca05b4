"""Takes an inference's input elements and says where in the activation memory they go."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import POINT

__all__ = ["InputLoader"]


class InputLoader(wiring.Component):
    """Accepts ``channels`` maps of ``height`` rows of ``width`` elements, each to its lane's word.

    Parameters
    ----------
    config : lanes, banks, operand_width

    Members
    -------
    i : stream of elements, channel by channel, row by row
    start : In(1), begins an input that lies as ``point`` says, which stays stable
    busy : Out(1), elements are still missing
    hold : In(1), nothing is taken in this cycle
    take, bank, address, lane, element : Out, an element and its place

    Latency: none from ``i`` to ``take``. Throughput: one element per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.operand_width)),
                "start": In(1),
                "point": In(data.StructLayout(dict(POINT))),
                "busy": Out(1),
                "hold": In(1),
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
        row_end = x + 1 == point.width
        map_end = row_end & (y + 1 == point.height)
        last_bank = self.bank + 1 == self._config.banks
        m.d.comb += [
            self.i.ready.eq(self.busy & ~self.hold),
            self.take.eq(self.i.ready & self.i.valid),
            self.address.eq(row_address + step),
            self.lane.eq((strip << point.columns_bits) + column),
            self.element.eq(self.i.payload),
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
            m.d.sync += [x.eq(x + 1), step.eq(step + 1)]
            with m.If(step + 1 == point.steps):
                m.d.sync += [step.eq(0), column.eq(column + 1)]
            with m.If(row_end):
                m.d.sync += [
                    x.eq(0),
                    step.eq(0),
                    column.eq(0),
                    y.eq(y + 1),
                    row.eq(row + 1),
                    row_address.eq(row_address + point.steps),
                ]
                with m.If(row + 1 == point.rows):
                    m.d.sync += [row.eq(0), strip.eq(strip + 1), row_address.eq(channel_address)]
            with m.If(map_end):
                m.d.sync += [
                    y.eq(0),
                    row.eq(0),
                    strip.eq(0),
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
        return m
