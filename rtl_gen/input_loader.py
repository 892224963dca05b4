"""Writes an inference's input elements to the activation memory."""

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
    write, address, lane, element : Out, one element's write

    Latency: none from ``i`` to ``write``. Throughput: one element per cycle.
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
                "write": Out(1),
                "address": Out(16),
                "lane": Out(range(config.lanes)),
                "element": Out(config.operand_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        column = Signal(16)
        row = Signal(16)
        m.d.comb += [
            self.i.ready.eq(self.busy),
            self.write.eq(self.busy & self.i.valid),
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
        with m.Elif(self.write):
            m.d.sync += [column.eq(column + 1), self.lane.eq(self.lane + 1)]
            with m.If(self.lane == self._config.lanes - 1):
                m.d.sync += self.address.eq(self.address + 1)
            with m.If(column + 1 == self.width):
                m.d.sync += [
                    column.eq(0),
                    self.lane.eq(0),
                    self.address.eq(self.address + 1),
                    row.eq(row + 1),
                    self.busy.eq(row + 1 != self.rows),
                ]
        return m
