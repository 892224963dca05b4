"""A core's term memory."""

from amaranth import Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import bundle_fields, bundle_words

__all__ = ["TermMemory", "bundle_layout"]


def bundle_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A bundle of terms, see :func:`pann_hw.program.layout.bundle_fields`."""
    return data.StructLayout(dict(bundle_fields(config)))


class TermMemory(wiring.Component):
    """``term_words`` bundles, written a 32-bit word at a time, read one per cycle.

    Parameters
    ----------
    config : term_words and the bundle's fields

    Members
    -------
    write, write_address, word : In, address in words of the program stream; of a bundle of two
        words the lower one comes first
    read, address : In; bundle : Out, a cycle later
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write": In(1),
                "write_address": In(config.term_address_bits + 1),
                "word": In(32),
                "read": In(1),
                "address": In(config.term_address_bits),
                "bundle": Out(bundle_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = bundle_layout(self._config)
        m.submodules.store = store = memory.Memory(
            shape=layout.size, depth=self._config.term_words, init=[]
        )
        read, write = store.read_port(), store.write_port()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.read),
            self.bundle.as_value().eq(read.data),
        ]
        if bundle_words(self._config) == 1:
            m.d.comb += [
                write.addr.eq(self.write_address),
                write.en.eq(self.write),
                write.data.eq(self.word),
            ]
        else:
            lower = Signal(32)
            with m.If(self.write & ~self.write_address[0]):
                m.d.sync += lower.eq(self.word)
            m.d.comb += [
                write.addr.eq(self.write_address >> 1),
                write.en.eq(self.write & self.write_address[0]),
                write.data.eq((self.word << 32) | lower),
            ]
        return m
