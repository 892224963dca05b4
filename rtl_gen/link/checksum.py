"""CRC-32 of a frame, a bit a cycle: bytes on a serial line are far apart."""

from amaranth import EnableInserter, Module, Mux, ResetInserter, Signal
from amaranth.lib import crc, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Checksum"]


class Checksum(wiring.Component):
    """CRC-32 (ISO-HDLC) of bytes.

    Members
    -------
    start : In(1), begins another frame
    data : In(8), a byte to add; valid : In(1), add it
    shift : In(1), instead: move the next byte of the CRC to ``crc``
    crc : Out(8), the lowest byte of the CRC
    match : Out(1), what was added ends with the right CRC of what was before
    busy : Out(1), a byte is being added, or moved to ``crc``

    Latency: 9 cycles, of which it is busy in the last 8. Throughput: a byte in 9 cycles.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "data": In(8),
                "valid": In(1),
                "shift": In(1),
                "crc": Out(8),
                "match": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = crc.catalog.CRC32_ISO_HDLC(data_width=1).create()
        # The bits that are left, and above them a one.
        bits = Signal(9, init=1)
        shifting = Signal()
        # Reset and enable of the flip-flops take no logic of their own.
        m.submodules.register = ResetInserter(self.start)(EnableInserter(self.busy)(register))
        m.d.comb += [
            self.busy.eq(bits[1:].any()),
            register.valid.eq(1),
            # A bit that equals the feedback makes a plain shift register of the CRC.
            register.data.eq(Mux(shifting, ~register.crc[0], bits[0])),
            self.crc.eq(register.crc),
            self.match.eq(register.match_detected),
        ]
        with m.If(self.busy):
            m.d.sync += bits.eq(bits[1:])
        with m.If(self.valid | self.shift):
            m.d.sync += [bits[:8].eq(self.data), bits[8].eq(1), shifting.eq(self.shift)]
        return m
