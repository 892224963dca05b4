"""A register in a stream: a shorter longest path, and a cycle more."""

from amaranth import Module
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StreamRegister"]


class StreamRegister(wiring.Component):
    """Holds an element until it is taken.

    Parameters
    ----------
    shape : of an element

    Members
    -------
    i, o : streams of it

    Latency: one cycle. Throughput: one element per cycle.
    """

    def __init__(self, shape: ShapeLike) -> None:
        elements = stream.Signature(shape)
        super().__init__({"i": In(elements), "o": Out(elements)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += self.o.payload.eq(self.i.payload)
        return m
