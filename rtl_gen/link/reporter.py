"""Reports to the host: what it has been asked for, and results."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.link.protocol import (
    ESCAPE,
    FLAG,
    FLIP,
    POSITION_BITS,
    SEQUENCE_BITS,
    VERSION,
    VERSION_BITS,
)
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
    time at which each of its bytes is sent; which results it has is settled as it begins: those
    behind the last report's, or behind those that the host has where it wants them again.

    Members
    -------
    ended : In(1), a pulse: a frame has ended; right : In(1), with it: and is one, whose header is
        ``request`` : In
    following : In(5), room : In(8), of the receiver
    end : In(9), the position behind the last byte of results
    acknowledged : Out(9), that of the first byte of results that the host has not said to have
    position : Out(9), of a byte of results; result : In(8), that byte, a cycle later
    register : Out(4), what register is wanted; place : Out(2), which of its bytes; value : In(8),
        that byte; reading : Out(1), it is taken in this cycle, or the next ones
    o : Out(stream of bytes), the frames

    Latency: 2 cycles to the first byte. Throughput: that of ``o``, at most a byte in 10 cycles.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "ended": In(1),
                "right": In(1),
                "request": In(REQUEST),
                "following": In(SEQUENCE_BITS),
                "room": In(8),
                "end": In(POSITION_BITS),
                "acknowledged": Out(POSITION_BITS),
                "position": Out(POSITION_BITS),
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
        stop = Signal(POSITION_BITS)
        byte = Signal(8)
        # The byte that is being sent, in its turn after an escape.
        held = Signal(8)
        loaded = Signal()
        flipped = Signal()
        special = Signal()
        take = Signal()
        sent = Signal()
        at_results = Signal()
        results_end = Signal()
        at_crc = index[2:] == _CRC >> 2
        m.d.comb += [
            at_results.eq(index == _RESULTS),
            results_end.eq(at_results & (self.position == stop)),
            self.place.eq(index[:2]),
            take.eq(busy & ~loaded & ~checksum.busy & ~results_end),
            self.reading.eq(busy & ~loaded & (index[2:] == _VALUE >> 2)),
            special.eq(((held == FLAG) | (held == ESCAPE)) & (index != _END) & ~flipped),
            self.o.payload.eq(Mux(special, ESCAPE, held ^ Mux(flipped, FLIP, 0))),
            self.o.valid.eq(loaded),
            sent.eq(loaded & self.o.ready & ~special),
            checksum.data.eq(byte),
            checksum.valid.eq(take & ~at_crc & (index != _END)),
            checksum.shift.eq(take & at_crc),
            checksum.start.eq(~busy),
        ]
        with m.Switch(index):
            with m.Case(_BEGIN):
                m.d.comb += byte.eq(Cat(self.register, asked.restart, Const(VERSION, VERSION_BITS)))
            with m.Case(_BEGIN + 1):
                m.d.comb += byte.eq(asked.as_value()[8:16])
            with m.Case(_BEGIN + 2):
                m.d.comb += byte.eq(Cat(self.following, Const(0, 1), wrong, self.position[0]))
            with m.Case(*range(_VALUE, _ROOM)):
                m.d.comb += byte.eq(self.value)
            with m.Case(_ROOM):
                m.d.comb += byte.eq(self.room)
            with m.Case(_ROOM + 1):
                m.d.comb += byte.eq(self.position[1:])
            with m.Case(_RESULTS, _RESULTS + 1):
                m.d.comb += byte.eq(self.result)
            with m.Case(*range(_CRC, 16)):
                m.d.comb += byte.eq(checksum.crc)
            with m.Case(_END):
                m.d.comb += byte.eq(FLAG)

        with m.If(take):
            m.d.sync += [held.eq(byte), loaded.eq(1)]
            with m.If(at_results):
                m.d.sync += self.position.eq(self.position + 1)
        with m.If(loaded & self.o.ready):
            m.d.sync += [flipped.eq(special), loaded.eq(special)]
        with m.If(busy & ~loaded & results_end):
            m.d.sync += index.eq(_CRC)
        with m.Elif(sent & ~at_results):
            m.d.sync += index.eq(index + 1)
            with m.If(index == _END):
                m.d.sync += busy.eq(0)
        with m.If(~busy & wanted):
            m.d.sync += [
                busy.eq(1),
                wanted.eq(0),
                stop.eq(self.end),
                self.register.eq(asked.register),
            ]
            # Else on from where the last report has ended.
            with m.If(asked.again):
                m.d.sync += self.position.eq(asked.position)
        # Of the frames since the last report's.
        with m.If(take & (index == _BEGIN + 2)):
            m.d.sync += wrong.eq(0)
        with m.If(self.ended):
            m.d.sync += wanted.eq(1)
            with m.If(~self.right):
                m.d.sync += wrong.eq(1)
        return m
