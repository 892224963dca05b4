"""The rows that all cores share: a ring that the reader fills and the rails follow."""

from amaranth import Array, Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.row_reader import row_write_layout

__all__ = ["RowBuffer", "choose_row", "count_bits", "row_layout"]


def row_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """All buffered rows: slot, then element."""
    return data.ArrayLayout(
        data.ArrayLayout(config.operand_width, config.row_width), config.window_slots
    )


def choose_row(rows: data.View, slot: Value) -> Value:
    """The row of a slot. (Indexing the view itself would multiply the index by the row's width.)"""
    return Array(rows[index] for index in range(rows.shape().length))[slot]


def count_bits(config: AcceleratorConfig) -> int:
    """Bits of a modular count of windows that tells 0 from ``window_slots`` windows apart."""
    return config.window_slots.bit_length()


class RowBuffer(wiring.Component):
    """A ring of ``window_slots`` rows; two or more of them make it (at least) double-buffered.

    Parameters
    ----------
    config : lanes, window_slots

    Members
    -------
    flush : In(1), empties the ring
    write, i : element writes to the row that is being filled
    rows : Out, all rows
    filled : Out(count_bits), windows that were completed since ``flush``, modulo 2 * window_slots
    taps, channel_last : Out, per row, of its window

    Latency: one cycle from a completing write to ``filled``. Throughput: one write per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "flush": In(1),
                "write": In(1),
                "i": In(row_write_layout(config)),
                "rows": Out(row_layout(config)),
                "filled": Out(count_bits(config)),
                "taps": Out(data.ArrayLayout(2, config.window_slots)),
                "channel_last": Out(config.window_slots),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slot_bits = count_bits(self._config) - 1
        with m.If(self.write):
            for slot in range(self._config.window_slots):
                with m.If(self.filled[:slot_bits] == slot):
                    for j in range(self._config.row_width):
                        with m.If(self.i.enable[j]):
                            m.d.sync += self.rows[slot][j].eq(self.i.elements[j])
                    m.d.sync += [
                        self.taps[slot].eq(self.i.taps),
                        self.channel_last[slot].eq(self.i.channel_last),
                    ]
        with m.If(self.flush):
            m.d.sync += self.filled.eq(0)
        with m.Elif(self.write & self.i.complete):
            m.d.sync += self.filled.eq(self.filled + 1)
        return m
