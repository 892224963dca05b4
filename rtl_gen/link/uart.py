"""UART, 8N1: bytes from and to a serial line."""

from amaranth import Cat, Module, Signal
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter"]


class UartReceiver(wiring.Component):
    """Takes bytes from a line: a start bit, eight data bits from the lowest on, a stop bit.

    Each bit is sampled in its middle, counted from the start bit's edge.

    Parameters
    ----------
    divisor : cycles of a bit, 4..65535; with D of them clocks may differ by up to
        (D / 2 - 1) / (9.5 D), 2.6 % at 4 and 3.9 % at 8

    Members
    -------
    rx : In(1), the line, asynchronous
    data : Out(8), in the cycle of ``valid``; valid : Out(1), a pulse for each byte
    broken : Out(1), a pulse for each byte whose stop bit is none: noise, another baud rate

    Latency: 2 cycles after the middle of the stop bit. Throughput: a byte in ``10 * divisor``
    cycles.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__({"rx": In(1), "data": Out(8), "valid": Out(1), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchroniser = cdc.FFSynchronizer(self.rx, rx, init=1)
        left = Signal(range(self._divisor))
        # The start bit falls out of the lower end when the eighth data bit has come in.
        bits = Signal(9)
        busy = Signal()
        stopping = Signal()
        idle = Signal()
        m.d.comb += self.data.eq(bits[1:])
        m.d.sync += left.eq(left - 1)
        with m.If(~busy):
            # After a broken byte the line must come to rest first.
            m.d.sync += [left.eq(self._divisor // 2 - 1), bits.eq(1 << 8), idle.eq(rx)]
            with m.If(idle & ~rx):
                m.d.sync += [busy.eq(1), stopping.eq(0)]
        with m.Elif(left == 0):
            m.d.sync += left.eq(self._divisor - 1)
            with m.If(stopping):
                m.d.comb += [self.valid.eq(rx), self.broken.eq(~rx)]
                m.d.sync += [busy.eq(0), idle.eq(rx)]
            with m.Else():
                m.d.sync += [Cat(bits, stopping).eq(Cat(bits[1:], rx, bits[0]))]
        return m


class UartTransmitter(wiring.Component):
    """Puts bytes on a line: a start bit, eight data bits from the lowest on, a stop bit.

    Parameters
    ----------
    divisor : cycles of a bit, 4..65535

    Members
    -------
    i : In(stream of bytes)
    tx : Out(1), the line

    Latency: 1 cycle to the start bit. Throughput: a byte in ``10 * divisor`` cycles.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(self._divisor))
        # A one behind the stop bit ends the byte: nothing else than zeros is left then.
        bits = Signal(10, init=1)
        m.d.comb += [self.i.ready.eq(~bits[1:].any() & (left == 0)), self.tx.eq(bits[0])]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Elif(bits[1:].any()):
            m.d.sync += [bits.eq(bits[1:]), left.eq(self._divisor - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [bits.eq(Cat(0, self.i.payload, 1)), left.eq(self._divisor - 1)]
        return m
