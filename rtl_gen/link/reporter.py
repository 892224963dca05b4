"""Reports to the host: what it has been asked for, and results."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.link.protocol import ESCAPE, FLAG, FLIP, SEQUENCE_BITS, VERSION, VERSION_BITS
from rtl_gen.link.checksum import Checksum
from rtl_gen.link.frame_receiver import REQUEST

__all__ = ["Reporter"]

_END, _BEGIN, _VALUE, _ROOM, _RESULTS, _CRC = 0, 1, 4, 8, 10, 12
"""Places in a report where parts of it begin: the flag that ends it, the header, the register's
value, the rest of the header, all results, the CRC. Parts of four bytes are at multiples of 4."""


class Reporter(wiring.Component):
    """Sends a report, see :class:`pann_hw.link.protocol.Report`, of which only results are of
    varying length.

    What is asked for while a report is under way is answered by one more report. A report is of the
    time at which each of its bytes is sent; which results it has is settled as it begins.

    Members
    -------
    ended : In(1), a pulse: a frame has ended; right : In(1), with it: and is one, whose header is
        ``request`` : In
    following : In(7), room : In(8), of the receiver
    end : In(8), the position behind the last byte of results
    acknowledged : Out(8), that of the first byte of results that the host wants
    position : Out(8), of a byte of results; result : In(8), that byte, a cycle later
    register : Out(4), what register is wanted; place : Out(2), which of its bytes; value : In(8),
        that byte; reading : Out(1), it is taken in this cycle
    o : Out(stream of bytes), the frames

    Latency: 1 cycle to the first byte. Throughput: that of ``o``, at most a byte in 9 cycles.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "ended": In(1),
                "right": In(1),
                "request": In(REQUEST),
                "following": In(SEQUENCE_BITS),
                "room": In(8),
                "end": In(8),
                "acknowledged": Out(8),
                "position": Out(8),
                "result": In(8),
                "register": Out(4),
                "place": Out(2),
                "value": In(8),
                "reading": Out(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = Checksum()
        asked = Signal(REQUEST)
        with m.If(self.right):
            m.d.sync += asked.eq(self.request)
        m.d.comb += self.acknowledged.eq(asked.position)
        wanted = Signal()
        wrong = Signal()
        busy = Signal()
        index = Signal(4, init=_BEGIN)
        stop = Signal(8)
        byte = Signal(8)
        flipped = Signal()
        special = Signal()
        sent = Signal()
        at_results = Signal()
        m.d.comb += [
            at_results.eq(index == _RESULTS),
            self.place.eq(index[:2]),
            special.eq(((byte == FLAG) | (byte == ESCAPE)) & (index != _END) & ~flipped),
            self.o.payload.eq(Mux(special, ESCAPE, byte ^ Mux(flipped, FLIP, 0))),
            self.o.valid.eq(busy & ~(at_results & (self.position == stop))),
            sent.eq(self.o.valid & self.o.ready & ~special),
            self.reading.eq(busy & self.o.ready & (index[2:] == _VALUE >> 2)),
            checksum.data.eq(byte),
            checksum.valid.eq(sent & (index[2:] != _CRC >> 2) & (index != _END)),
            checksum.shift.eq(sent & (index[2:] == _CRC >> 2)),
            checksum.start.eq(~busy),
        ]
        with m.Switch(index):
            with m.Case(_BEGIN):
                m.d.comb += byte.eq(Cat(self.register, asked.restart, Const(VERSION, VERSION_BITS)))
            with m.Case(_BEGIN + 1):
                m.d.comb += byte.eq(Cat(asked.number, asked.data))
            with m.Case(_BEGIN + 2):
                m.d.comb += byte.eq(Cat(self.following, wrong))
            with m.Case(*range(_VALUE, _ROOM)):
                m.d.comb += byte.eq(self.value)
            with m.Case(_ROOM):
                m.d.comb += byte.eq(self.room)
            with m.Case(_ROOM + 1):
                m.d.comb += byte.eq(self.position)
            with m.Case(_RESULTS, _RESULTS + 1):
                m.d.comb += byte.eq(self.result)
            with m.Case(*range(_CRC, 16)):
                m.d.comb += byte.eq(checksum.crc)
            with m.Case(_END):
                m.d.comb += byte.eq(FLAG)

        with m.If(self.o.valid & self.o.ready):
            m.d.sync += flipped.eq(special)
        with m.If(at_results):
            with m.If(self.position == stop):
                m.d.sync += index.eq(_CRC)
            with m.Elif(sent):
                m.d.sync += self.position.eq(self.position + 1)
        with m.Elif(sent):
            m.d.sync += index.eq(index + 1)
            with m.If(index == _END):
                m.d.sync += busy.eq(0)
        with m.If(~busy & wanted):
            m.d.sync += [
                busy.eq(1),
                wanted.eq(0),
                self.position.eq(asked.position),
                stop.eq(self.end),
                self.register.eq(asked.register),
            ]
        # Of the frames since the last report's.
        with m.If(sent & (index == _BEGIN + 2)):
            m.d.sync += wrong.eq(0)
        with m.If(self.ended):
            m.d.sync += wanted.eq(1)
            with m.If(~self.right):
                m.d.sync += wrong.eq(1)
        return m
