"""A register between the window sequencer and the row reader."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.window_sequencer import WindowRequest

__all__ = ["RequestRegister"]


class RequestRegister(wiring.Component):
    """Holds a request until it is taken.

    Members
    -------
    i, o : streams of WindowRequest

    Latency: one cycle. Throughput: one request per cycle.
    """

    def __init__(self) -> None:
        requests = stream.Signature(WindowRequest)
        super().__init__({"i": In(requests), "o": Out(requests)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += self.o.payload.eq(self.i.payload)
        return m
