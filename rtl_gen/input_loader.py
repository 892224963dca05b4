"""Takes an inference's input elements and says where in the activation memory they go."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig

__all__ = ["InputLoader"]


class InputLoader(wiring.Component):
    """Accepts ``rows`` rows of ``width`` elements; each row begins in a new memory word.

    Parameters
    ----------
    config : lanes, operand_width

    Members
    -------
    i : stream of elements, channel by channel, row by row
    start : In(1), begins an input at word ``base``; ``width`` and ``rows`` stay stable
    busy : Out(1), elements are still missing
    take, address, lane, element : Out, an element and its place
    complete : Out(1), it is the last one of its memory word

    Latency: none from ``i`` to ``take``. Throughput: one element per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.operand_width)),
                "start": In(1),
                "base": In(16),
                "width": In(16),
                "rows": In(16),
                "busy": Out(1),
                "take": Out(1),
                "complete": Out(1),
                "address": Out(16),
                "lane": Out(range(config.lanes)),
                "element": Out(config.operand_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        column = Signal(16)
        row = Signal(16)
        last_lane = self.lane == self._config.lanes - 1
        last_column = column + 1 == self.width
        m.d.comb += [
            self.i.ready.eq(self.busy),
            self.take.eq(self.busy & self.i.valid),
            self.complete.eq(last_lane | last_column),
            self.element.eq(self.i.payload),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                self.address.eq(self.base),
                self.lane.eq(0),
                column.eq(0),
                row.eq(0),
            ]
        with m.Elif(self.take):
            m.d.sync += [column.eq(column + 1), self.lane.eq(self.lane + 1)]
            with m.If(last_lane):
                m.d.sync += self.address.eq(self.address + 1)
            with m.If(last_column):
                m.d.sync += [
                    column.eq(0),
                    self.lane.eq(0),
                    self.address.eq(self.address + 1),
                    row.eq(row + 1),
                    self.busy.eq(row + 1 != self.rows),
                ]
        return m
