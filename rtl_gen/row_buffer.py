"""The windows that all cores share: a ring that the reader fills and the cores follow."""

from amaranth import Array, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig

__all__ = ["RowBuffer", "choose_row", "count_bits", "row_layout", "rows_layout"]


def row_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """One window: an element for each lane."""
    return data.ArrayLayout(config.operand_width, config.lanes)


def rows_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """All buffered windows: slot, then element."""
    return data.ArrayLayout(row_layout(config), config.window_slots)


def choose_row(rows: data.View, slot: Value) -> Value:
    """The row of a slot. (Indexing the view itself would multiply the index by the row's width.)"""
    return Array(rows[index] for index in range(rows.shape().length))[slot]


def count_bits(config: AcceleratorConfig) -> int:
    """Bits of a modular count of windows that tells 0 from ``window_slots`` windows apart."""
    return config.window_slots.bit_length()


class RowBuffer(wiring.Component):
    """A ring of ``window_slots`` windows, written in groups of one for each bank.

    Parameters
    ----------
    config : lanes, banks, window_slots

    Members
    -------
    flush : In(1), empties the ring
    write : In(1), takes a group ``i``; group_last : In(1), the group is its channels' last one
    rows : Out, all windows
    filled : Out(count_bits), windows taken since then, modulo 2 * window_slots
    last : Out, of each buffered group, its group_last

    Latency: one cycle from a write to ``filled``. Throughput: one group per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._groups = config.window_slots // config.banks
        super().__init__(
            {
                "flush": In(1),
                "write": In(1),
                "i": In(data.ArrayLayout(row_layout(config), config.banks)),
                "group_last": In(1),
                "rows": Out(rows_layout(config)),
                "filled": Out(count_bits(config)),
                "last": Out(self._groups),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        banks = self._config.banks
        bank_bits = banks.bit_length() - 1
        place = self.filled[bank_bits : count_bits(self._config) - 1]
        # What nobody reads before it is written needs no reset: a gate less before each bit.
        stored = Signal(rows_layout(self._config), reset_less=True)
        m.d.comb += self.rows.eq(stored)
        with m.If(self.write):
            m.d.sync += self.filled.eq(self.filled + banks)
            for group in range(self._groups):
                with m.If(place == group):
                    m.d.sync += self.last[group].eq(self.group_last)
                    for bank in range(banks):
                        m.d.sync += stored[group * banks + bank].eq(self.i[bank])
        with m.If(self.flush):
            m.d.sync += self.filled.eq(0)
        return m
