"""Frames from the line: checked, put in order, and their operations kept for execution."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.link.protocol import (
    CRC_BYTES,
    ESCAPE,
    FLAG,
    FLIP,
    HEADER_BYTES,
    POSITION_BITS,
    SEQUENCE_BITS,
    VERSION,
    VERSION_BITS,
)
from rtl_gen.link.checksum import Checksum

__all__ = ["REQUEST", "FrameReceiver"]

REQUEST = data.StructLayout(
    {
        "register": 4,
        "restart": 1,
        "version": VERSION_BITS,
        "number": SEQUENCE_BITS,
        "again": 1,
        "data": 1,
        "position": POSITION_BITS,
    }
)
"""The header of a request, in the order of its bytes."""


class FrameReceiver(wiring.Component):
    """Takes frames out of a sequence of bytes, and of them the operations.

    The data of a frame goes into a ring as it comes, and counts only when the frame has ended with
    a right CRC, is of this version and has the sequence number that follows: what is corrupt,
    repeated, out of order or too long for the ring is never seen behind it.

    Parameters
    ----------
    size : bytes of the ring, a power of two, 256..1024

    Members
    -------
    byte, valid, broken : In, as :class:`rtl_gen.link.uart.UartReceiver` gives them
    right : Out(1), a pulse: a frame that is one has ended; ``request`` : Out, its header
    ended : Out(1), a pulse: a frame has ended, right or wrong
    restart : Out(1), a pulse with ``right``: a request to begin anew, by which the ring is emptied
    following : Out(5), sequence number of the next frame with data
    room : Out(8), what is free of the ring, in 256ths of it, rounded down; 0: all of it
    o : Out(stream of bytes), the operations, as they were sent

    Latency: 1 cycle from a frame's flag to ``right``, 3 to its first byte at ``o``. Throughput: a
    byte in 10 cycles from the line, one per cycle at ``o``.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        super().__init__(
            {
                "byte": In(8),
                "valid": In(1),
                "broken": In(1),
                "right": Out(1),
                "request": Out(REQUEST),
                "ended": Out(1),
                "restart": Out(1),
                "following": Out(SEQUENCE_BITS),
                "room": Out(8),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = Checksum()
        header = Signal(8 * HEADER_BYTES)
        # Bytes so far, up to the fewest of a frame.
        shortest = HEADER_BYTES + CRC_BYTES
        count = Signal(range(shortest + 1))
        escaped = Signal()
        spoilt = Signal()
        flag, escape, plain, flag_seen = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.request.eq(header),
            flag.eq(self.valid & (self.byte == FLAG)),
            escape.eq(self.valid & (self.byte == ESCAPE)),
            plain.eq(self.valid & ~flag & ~escape),
            checksum.data.eq(self.byte ^ Mux(escaped, FLIP, 0)),
            checksum.valid.eq(plain),
            checksum.start.eq(flag_seen),
        ]
        m.d.sync += flag_seen.eq(flag)
        with m.If(self.broken):
            m.d.sync += spoilt.eq(1)
        with m.If(self.valid):
            m.d.sync += escaped.eq(escape)
        with m.If(plain & (count != shortest)):
            m.d.sync += count.eq(count + 1)
        with m.Switch(count):
            for place in range(HEADER_BYTES):
                with m.Case(place), m.If(plain):
                    m.d.sync += header.word_select(place, 8).eq(checksum.data)

        whole = Signal()
        m.d.comb += [
            whole.eq((count == shortest) & ~spoilt & checksum.match),
            # Between two flags in a row is no frame.
            self.ended.eq(flag_seen & ((count != 0) | spoilt)),
            self.right.eq(flag_seen & whole & (self.request.version == VERSION)),
            self.restart.eq(self.right & self.request.restart),
        ]
        with m.If(flag_seen):
            m.d.sync += [count.eq(0), spoilt.eq(0)]
        first = count == HEADER_BYTES
        full = self._ring(m, plain & (count >= HEADER_BYTES), first, checksum.data, flag_seen)
        with m.If(full):
            m.d.sync += spoilt.eq(1)
        return m

    def _ring(
        self, m: Module, write: Value, first: Value, byte: Signal, flag_seen: Signal
    ) -> Signal:
        """The ring of operations; whether a byte, perhaps a frame's first one, finds no place."""
        bits = self._size.bit_length() - 1
        m.submodules.operations = operations = memory.Memory(shape=8, depth=self._size, init=[])
        write_port, read_port = operations.write_port(), operations.read_port()
        at = Signal(bits)
        end = Signal(bits)
        read = Signal(bits)
        full = Signal()
        rewind = Signal()
        m.d.comb += [
            # What counts never fills the ring: a frame's CRC lies behind it.
            full.eq(write & (at == read) & (self.o.valid | ~first)),
            self.room.eq((read - end)[bits - 8 :]),
            # What is there is read as soon as the byte before it is taken.
            read_port.addr.eq(read + (self.o.valid & self.o.ready)),
            write_port.addr.eq(at),
            write_port.data.eq(byte),
            write_port.en.eq(write & ~full),
            self.o.valid.eq(read != end),
            self.o.payload.eq(read_port.data),
        ]
        m.d.sync += [read.eq(read_port.addr), rewind.eq(flag_seen)]
        with m.If(rewind):
            m.d.sync += at.eq(end)
        with m.Elif(write_port.en):
            m.d.sync += at.eq(at + 1)
        follows = self.request.number == self.following
        with m.If(self.right & self.request.data & follows):
            m.d.sync += [end.eq(at - CRC_BYTES), self.following.eq(self.following + 1)]
        with m.If(self.restart):
            m.d.sync += [end.eq(0), read.eq(0), self.following.eq(0)]
        return full
