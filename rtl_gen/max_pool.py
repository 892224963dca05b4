"""Max pooling: a running comparison of buffered rows, one channel after another."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import TAPS
from rtl_gen.row_buffer import choose_row, count_bits, row_layout

__all__ = ["MaxPool"]


class MaxPool(wiring.Component):
    """``value[i] = max over windows and taps of one channel of row[i + tap]``, for N pixels.

    Parameters
    ----------
    config : lanes, window_slots

    Members
    -------
    prepare : In(1), begins a tile of ``channels`` channels; takes part if ``enable``
    run : In(1), rows may be used
    rows, taps, channel_last : In, the row buffer
    accepted, filled : In(count_bits), windows that the reader took, and that the buffer holds
    blocking : Out(1), the row that the reader would fill next is still needed
    value : Out, the maxima
    write : Out(1), ``value`` is a channel's result in this cycle
    done : Out(1), the prepared tile's channels are all out

    Latency: one cycle from the last tap to ``write``. Throughput: one tap per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "prepare": In(1),
                "enable": In(1),
                "run": In(1),
                "channels": In(16),
                "rows": In(row_layout(config)),
                "taps": In(data.ArrayLayout(2, config.window_slots)),
                "channel_last": In(config.window_slots),
                "accepted": In(count_bits(config)),
                "filled": In(count_bits(config)),
                "blocking": Out(1),
                "value": Out(data.ArrayLayout(config.operand_width, config.lanes)),
                "write": Out(1),
                "done": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = count_bits(config)
        position = Signal(bits)
        held = Signal(bits)
        tap = Signal(2)
        fresh = Signal()
        channel = Signal(16)
        step = Signal()
        slot = Signal(bits - 1)
        m.d.comb += [
            slot.eq(position),
            held.eq(self.accepted - position),
            self.blocking.eq(~self.done & (held == config.window_slots)),
            step.eq(self.run & ~self.done & (self.filled != position)),
        ]
        last_tap = tap + 1 == self.taps[slot]
        finished = step & last_tap & self.channel_last.bit_select(slot, 1)

        row = Signal(data.ArrayLayout(config.operand_width, config.row_width))
        m.d.comb += row.eq(choose_row(self.rows, slot))
        with m.If(step):
            for lane in range(config.lanes):
                candidate = Array(row[lane + offset] for offset in range(TAPS))[tap]
                current = self.value[lane]
                m.d.sync += current.eq(Mux(fresh | (candidate > current), candidate, current))
            m.d.sync += [fresh.eq(0), tap.eq(tap + 1)]
            with m.If(last_tap):
                m.d.sync += [tap.eq(0), position.eq(position + 1)]
        with m.If(finished):
            m.d.sync += [fresh.eq(1), channel.eq(channel + 1)]
            with m.If(channel + 1 == self.channels):
                m.d.sync += self.done.eq(1)
        m.d.sync += self.write.eq(finished)
        with m.If(self.prepare):
            m.d.sync += [
                self.done.eq(~self.enable),
                position.eq(0),
                channel.eq(0),
                tap.eq(0),
                fresh.eq(1),
            ]
        return m
