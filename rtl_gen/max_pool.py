"""Max pooling: a running comparison of buffered windows, a channel of each bank at a time."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.row_buffer import count_bits, row_layout, rows_layout

__all__ = ["MaxPool"]


class MaxPool(wiring.Component):
    """``value[bank][i] = max over windows of one channel of row[i]``, for N pixels.

    Parameters
    ----------
    config : lanes, banks, window_slots

    Members
    -------
    flush : In(1), no window is needed any more
    start : In(1), begins a pass of ``tiles`` tiles of ``groups`` groups of channels, the first of
        whose windows is number ``base``; takes part if ``enable``
    rows, last : In, the row buffer
    accepted, filled : In(count_bits), windows that the reader took, and that the buffer holds
    output_base, pitch : In(16), words of the first group of channels, and from group to group
    halve : In(1), words are stored as two halves; steps : In(16), pixels of a block's row
    blocking : Out(1), there is no room for another group of windows
    value, write, address : Out, the maxima of a group of channels, and where they go
    phase, upper : Out(1), of a word that is stored as two halves
    done : Out(1), the pass's maxima are all out

    Latency: one cycle from the last window to ``write``. Throughput: one window per bank and cycle,
    but for one cycle after the last of a word that is stored as two halves.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        bits = count_bits(config)
        super().__init__(
            {
                "flush": In(1),
                "start": In(1),
                "enable": In(1),
                "tiles": In(16),
                "groups": In(16),
                "base": In(bits),
                "rows": In(rows_layout(config)),
                "last": In(config.window_slots // config.banks),
                "accepted": In(bits),
                "filled": In(bits),
                "output_base": In(16),
                "pitch": In(16),
                "halve": In(1),
                "steps": In(16),
                "blocking": Out(1),
                "value": Out(data.ArrayLayout(row_layout(config), config.banks)),
                "write": Out(1),
                "address": Out(16),
                "phase": Out(1),
                "upper": Out(1),
                "done": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        slots, banks, bits = config.window_slots, config.banks, count_bits(config)
        held = Signal(bits)
        position = Signal(bits)
        enabled = Signal()
        fresh = Signal()
        group = Signal(config.size_bits)
        tile = Signal(config.size_bits)
        origin = Signal(config.size_bits)
        target = Signal(config.size_bits)
        column = Signal(config.size_bits)
        half = Signal()
        again = Signal()
        step = Signal()
        place = position[banks.bit_length() - 1 : bits - 1]
        finished = Signal()
        m.d.comb += [
            held.eq(self.accepted - position),
            self.blocking.eq(enabled & (held > slots - banks)),
            # The maxima stay for their second half.
            step.eq(~self.done & (self.filled != position) & ~again),
            finished.eq(step & self.last.bit_select(place, 1)),
        ]
        groups = Array(
            Cat(*(self.rows[number * banks + bank] for bank in range(banks)))
            for number in range(slots // banks)
        )
        candidates = Signal(data.ArrayLayout(row_layout(config), banks))
        m.d.comb += candidates.as_value().eq(groups[place])
        with m.If(step):
            for bank in range(banks):
                for lane in range(config.lanes):
                    candidate, current = candidates[bank][lane], self.value[bank][lane]
                    m.d.sync += current.eq(Mux(fresh | (candidate > current), candidate, current))
            m.d.sync += [fresh.eq(0), position.eq(position + banks)]
        row_end = Signal()
        turn = Signal()
        halve = Signal()
        if config.halves:
            m.d.comb += halve.eq(self.halve)
        m.d.comb += [
            again.eq(self.write & halve & ~self.phase),
            row_end.eq(halve & (column + 1 == self.steps)),
            # The upper and the lower rows of a block go to the same words.
            turn.eq(halve & (tile + 1 == self.tiles >> 1)),
        ]
        m.d.sync += self.phase.eq(again)
        with m.If(again):
            m.d.sync += self.address.eq(self.address + self.steps)
        following = (origin + Mux(row_end, self.steps, 0) + 1)[: config.size_bits]
        with m.If(finished):
            m.d.sync += [
                fresh.eq(1),
                group.eq(group + 1),
                target.eq(target + self.pitch),
                self.address.eq(target),
                self.upper.eq(half),
            ]
            with m.If(group + 1 == self.groups):
                m.d.sync += [
                    group.eq(0),
                    tile.eq(tile + 1),
                    column.eq(Mux(row_end | ~halve, 0, column + 1)),
                    half.eq(half | turn),
                    origin.eq(Mux(turn, self.output_base, following)),
                    target.eq(Mux(turn, self.output_base, following)),
                    self.done.eq(tile + 1 == self.tiles),
                ]
        m.d.sync += self.write.eq(finished | again)
        with m.If(self.flush):
            m.d.sync += enabled.eq(0)
        with m.If(self.start):
            m.d.sync += enabled.eq(self.enable)
        with m.If(self.start & self.enable):
            m.d.sync += [
                self.done.eq(0),
                position.eq(self.base),
                group.eq(0),
                tile.eq(0),
                column.eq(0),
                half.eq(0),
                origin.eq(self.output_base),
                target.eq(self.output_base),
                fresh.eq(1),
            ]
        return m
