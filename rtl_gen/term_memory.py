"""One rail's term memory."""

from amaranth import Module
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import term_fields

__all__ = ["TermMemory", "term_layout"]


def term_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A term as it lies in the term memory."""
    return data.StructLayout(dict(term_fields(config)))


class TermMemory(wiring.Component):
    """``term_words`` terms with one read and one write port.

    Parameters
    ----------
    config : term_words and the term's layout

    Members
    -------
    write, write_address, term : In, stores ``term``
    read, address : In; word : Out, the term of the last cycle with ``read``

    Latency: one cycle. Throughput: one read and one write per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        layout = term_layout(config)
        super().__init__(
            {
                "write": In(1),
                "write_address": In(16),
                "term": In(layout.size),
                "read": In(1),
                "address": In(16),
                "word": Out(layout),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = memory.Memory(
            shape=term_layout(self._config), depth=self._config.term_words, init=[]
        )
        read, write = store.read_port(), store.write_port()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.read),
            self.word.eq(read.data),
            write.addr.eq(self.write_address),
            write.en.eq(self.write),
            write.data.eq(self.term),
        ]
        return m
