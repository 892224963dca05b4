"""One rail's stream of terms: reads, waits for rows, and steers operand select and shifter."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import shift_bits
from rtl_gen.row_buffer import count_bits
from rtl_gen.term_memory import term_layout

__all__ = ["TermStream", "term_control_layout"]


def term_control_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Registered control of one rail: whether a term is added, of which row, offset and shift."""
    return data.StructLayout(
        {
            "active": 1,
            "slot": count_bits(config) - 1,
            "offset": 2,
            "shift": shift_bits(config),
            "subtract": 1,
        }
    )


class TermStream(wiring.Component):
    """Issues one term per cycle while the rows that it needs are there.

    A term first advances by its ``advance`` windows, which frees those that it leaves, then acts on
    the window reached. The stream of one tile ends with a term marked ``last``; it is repeated
    for every tile of a pass and left behind with the last one (``final_tile``).

    Parameters
    ----------
    config : lane kind, rails, window_slots

    Members
    -------
    jump, target : sets the address of the next pass's first term
    prepare : In(1), reads the first term of a tile again; the rail takes part if ``enable``
    run : In(1), terms may be issued
    final_tile : In(1), the tile is its pass's last
    accepted, filled : In(count_bits), windows that the reader took, and that the buffer holds
    address, read, word : the term memory's port
    blocking : Out(1), the rail needs the row that the reader would fill next
    done : Out(1), the prepared tile's terms are all issued
    o : Out(term_control_layout), a cycle after a term is issued

    Latency: one cycle from ``prepare`` until a term can be issued, and one from there to ``o``.
    Throughput: one term per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "jump": In(1),
                "target": In(16),
                "prepare": In(1),
                "enable": In(1),
                "run": In(1),
                "final_tile": In(1),
                "accepted": In(count_bits(config)),
                "filled": In(count_bits(config)),
                "address": Out(16),
                "read": Out(1),
                "word": In(term_layout(config)),
                "blocking": Out(1),
                "done": Out(1, init=1),
                "o": Out(term_control_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = count_bits(config)
        first = Signal(16)
        following = Signal(16)
        position = Signal(bits)
        ahead = Signal(bits)
        held = Signal(bits)
        reached = Signal(bits)
        pending = Signal()
        issue = Signal()
        m.d.comb += [
            ahead.eq(self.filled - position),
            held.eq(self.accepted - position),
            reached.eq(position + self.word.advance),
            self.blocking.eq(~self.done & (held == config.window_slots)),
            issue.eq(self.run & pending & (ahead > self.word.advance)),
        ]
        begin = self.prepare & self.enable
        m.d.comb += [
            self.read.eq(begin | (issue & ~self.word.last)),
            self.address.eq(Mux(self.prepare, first, following)),
        ]

        with m.If(self.jump):
            m.d.sync += first.eq(self.target)
        with m.If(self.prepare):
            m.d.sync += [
                self.done.eq(~self.enable),
                pending.eq(self.enable),
                position.eq(0),
                following.eq(first + 1),
            ]
        with m.Elif(issue):
            m.d.sync += position.eq(reached)
            with m.If(self.word.last):
                m.d.sync += [self.done.eq(1), pending.eq(0)]
                with m.If(self.final_tile):
                    m.d.sync += first.eq(following)
            with m.Else():
                m.d.sync += following.eq(following + 1)

        m.d.sync += self.o.active.eq(issue & self.word.add)
        with m.If(issue & self.word.add):
            m.d.sync += [self.o.slot.eq(reached), self.o.offset.eq(self.word.offset)]
            if config.shift:
                m.d.sync += self.o.shift.eq(self.word.shift)
            if config.rails == 1:
                m.d.sync += self.o.subtract.eq(self.word.subtract)
        return m
