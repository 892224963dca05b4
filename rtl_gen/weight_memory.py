"""A core's memory of weights: columns with an element for each lane."""

from amaranth import Module
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig

__all__ = ["WeightMemory", "column_layout", "weight_layout"]


def weight_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A weight: its magnitude, and whether it is negative."""
    return data.StructLayout({"magnitude": config.weight_width - 1, "negative": 1})


def column_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """A weight for each lane."""
    return data.ArrayLayout(weight_layout(config), config.lanes)


class WeightMemory(wiring.Component):
    """``weight_words`` columns, written a 32-bit word at a time, read one per cycle.

    Parameters
    ----------
    config : lanes, weight_width, weight_words

    Members
    -------
    write, write_address, word : In, address in words of the program stream, of which a column takes
        ``column_words``, the lowest lanes first
    read, address : In; column : Out, a cycle later
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write": In(1),
                "write_address": In(17),
                "word": In(32),
                "read": In(1),
                "address": In(16),
                "column": Out(column_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = column_layout(config).size
        part_bits = config.column_words.bit_length() - 1
        for part in range(-(-bits // 32)):
            width = min(32, bits - 32 * part)
            store = memory.Memory(shape=width, depth=config.weight_words, init=[])
            m.submodules[f"part_{part}"] = store
            read, write = store.read_port(), store.write_port()
            m.d.comb += [
                read.addr.eq(self.address),
                read.en.eq(self.read),
                self.column.as_value()[32 * part : 32 * part + width].eq(read.data),
                write.addr.eq(self.write_address >> part_bits),
                write.en.eq(self.write & (self.write_address[:part_bits] == part)),
                write.data.eq(self.word),
            ]
        return m
