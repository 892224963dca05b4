"""Accepts a program stream, checks it, and writes it to the program memories."""

from amaranth import Array, EnableInserter, Module, Signal
from amaranth.lib import crc, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import END_SECTION, MAGIC, bundle_words
from pann_hw.registers.error import Error

__all__ = ["ProgramLoader"]


class ProgramLoader(wiring.Component):
    """Loads program streams of the format in ``pann_hw.program.image``.

    A bad stream raises ``error`` for one cycle; what follows is then discarded until ``clear``.

    Parameters
    ----------
    config : its fingerprint and memory sizes are checked

    Members
    -------
    i : stream of 32-bit words
    hold : In(1), an inference runs or starts: no new stream is begun
    clear : In(1), accept a new stream after an error
    loaded : Out(1), a complete stream with a right checksum is in the memories
    error : Out(4), an Error for one cycle
    write, target, address, word : Out, one word's write; target as in the stream

    Latency: none from ``i`` to ``write``. Throughput: one word per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "hold": In(1),
                "clear": In(1),
                "loaded": Out(1),
                "error": Out(4),
                "write": Out(1),
                "target": Out(16),
                "address": Out(config.term_address_bits + 1),
                "word": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        checksum = crc.catalog.CRC32_ISO_HDLC(data_width=32).create()
        # Where nothing comes in nothing is clocked.
        m.submodules.checksum = EnableInserter(checksum.valid | checksum.start)(checksum)
        transfer = self.i.valid & self.i.ready
        left = Signal(config.term_address_bits + 2)
        terms = config.term_words * bundle_words(config) * config.windows
        columns = config.weight_words * config.column_words
        sizes = Array(
            [config.descriptor_words]
            + [terms] * config.cores
            + ([columns] * config.cores if config.linear else [])
        )
        targets = len(sizes)
        m.d.comb += [
            self.word.eq(self.i.payload),
            checksum.data.eq(self.i.payload),
            checksum.valid.eq(transfer),
            self.i.ready.eq(1),
        ]

        def fail(code: Error) -> None:
            m.d.comb += self.error.eq(code)
            m.d.sync += self.loaded.eq(0)
            m.next = "DISCARD"

        with m.FSM():
            with m.State("MAGIC"):
                m.d.comb += self.i.ready.eq(~self.hold)
                with m.If(transfer):
                    m.d.sync += self.loaded.eq(0)
                    with m.If(self.i.payload == MAGIC):
                        m.next = "FINGERPRINT"
                    with m.Else():
                        fail(Error.BAD_MAGIC)
            with m.State("FINGERPRINT"):
                with m.If(transfer):
                    with m.If(self.i.payload == config.fingerprint):
                        m.next = "SECTION"
                    with m.Else():
                        fail(Error.WRONG_CONFIGURATION)
            with m.State("SECTION"):
                with m.If(transfer):
                    m.d.sync += [
                        self.target.eq(self.i.payload[:16]),
                        self.address.eq(self.i.payload[16:]),
                    ]
                    with m.If(self.i.payload[:16] == END_SECTION):
                        m.next = "CHECKSUM"
                    with m.Elif(self.i.payload[:16] < targets):
                        m.next = "COUNT"
                    with m.Else():
                        fail(Error.BAD_SECTION)
            with m.State("COUNT"):
                with m.If(transfer):
                    m.d.sync += left.eq(self.i.payload)
                    count, rest = self.i.payload[: len(left)], self.i.payload[len(left) :]
                    too_long = rest.any() | (count + self.address > sizes[self.target])
                    with m.If((self.i.payload == 0) | too_long):
                        fail(Error.BAD_SECTION)
                    with m.Else():
                        m.next = "DATA"
            with m.State("DATA"):
                m.d.comb += self.write.eq(transfer)
                with m.If(transfer):
                    m.d.sync += [self.address.eq(self.address + 1), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "SECTION"
            with m.State("CHECKSUM"):
                m.d.comb += checksum.valid.eq(0)
                with m.If(transfer):
                    m.d.comb += checksum.start.eq(1)
                    with m.If(self.i.payload == checksum.crc):
                        m.d.sync += self.loaded.eq(1)
                        m.next = "MAGIC"
                    with m.Else():
                        fail(Error.BAD_CHECKSUM)
            with m.State("DISCARD"):
                m.d.comb += [checksum.valid.eq(0), checksum.start.eq(1)]
                with m.If(self.clear):
                    m.next = "MAGIC"
        return m
