"""One core's stream of bundles: reads, waits for windows, and steers operand select and lanes."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import NO_TERM, ahead_bits
from rtl_gen.lane import factor_bits
from rtl_gen.row_buffer import count_bits
from rtl_gen.term_memory import bundle_layout

__all__ = ["TermStream", "control_layout"]

_LOW_BITS = 4
"""Of the address of the next bundle, those that are always clocked."""


def control_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Registered control of a core.

    enable: something is added, or cleared; clear: first bundle of a tile; last: last one; terms:
    for each place of the lane whether a term is added, of which slot, offset and factor, and its
    sign
    """
    term = data.StructLayout(
        {
            "active": 1,
            "slot": count_bits(config) - 1,
            "offset": 2,
            "factor": factor_bits(config),
            "negative": 1,
        }
    )
    return data.StructLayout(
        {"enable": 1, "clear": 1, "last": 1, "terms": data.ArrayLayout(term, config.terms)}
    )


class TermStream(wiring.Component):
    """Issues one bundle per cycle while the windows that it needs are there.

    A bundle first advances by its ``advance`` windows, which frees those that it leaves even while
    it waits, then acts on the window reached and the few behind it. The stream of a tile ends with
    a bundle marked ``last``, which leaves all the tile's windows; it is repeated for every tile of
    a pass. A tile's last bundle waits until the sums of the tile before have been taken away.

    With register_stages a bundle goes from the memory to a register, from which it is issued; the
    memory is read ahead, from one tile into the next.

    Parameters
    ----------
    config : terms, lane kind, window_slots, register_stages

    Members
    -------
    jump, target : In, sets the address of the next pass's first bundle
    flush : In(1), no window is needed any more
    start : In(1), begins a pass of ``tiles`` tiles of ``windows`` windows each (modulo 2 *
        window_slots), the first of which is number ``base``; the core takes part if ``enable``
    accepted, filled : In(count_bits), windows that the reader took, and that the buffer holds
    taken : In(1), the finished tile's sums have been taken away
    address, read, bundle : the term memory's port
    blocking : Out(1), there is no room for another group of windows
    done : Out(1), the pass's bundles are all issued
    o : Out(control_layout), a cycle after a bundle is issued

    Latency: one cycle from ``start`` until a bundle can be issued, two with register_stages, and
    one from there to ``o``. Throughput: one bundle per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        bits = count_bits(config)
        super().__init__(
            {
                "jump": In(1),
                "target": In(config.term_address_bits),
                "flush": In(1),
                "start": In(1),
                "enable": In(1),
                "tiles": In(16),
                "windows": In(bits),
                "base": In(bits),
                "accepted": In(bits),
                "filled": In(bits),
                "taken": In(1),
                "address": Out(config.term_address_bits),
                "read": Out(1),
                "bundle": In(bundle_layout(config)),
                "blocking": Out(1),
                "done": Out(1, init=1),
                "o": Out(control_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        slots, bits = config.window_slots, count_bits(config)
        first = Signal(config.term_address_bits)
        following = Signal(config.term_address_bits)
        tile = Signal(config.size_bits)
        tile_end = Signal(bits)
        enabled = Signal()
        pending = Signal()
        fresh = Signal()
        held_sums = Signal()
        stepped = Signal()

        issue = Signal()
        begin = Signal()
        last_tile = Signal()
        bundle, final, take = self.bundle, last_tile, issue
        if config.register_stages:
            bundle, final, take = self._register(m, begin, pending, issue, last_tile)
        adds = [bundle[f"offset{number}"] != NO_TERM for number in range(config.terms)]
        available = Signal(bits)
        held = Signal(bits)
        position = Signal(bits)
        reached = Signal(bits)
        step = Signal.like(bundle.advance)
        # Beyond the slots there are none: the core has gone ahead of the reader.
        near = available <= slots
        if config.register_stages:
            farthest = self._farthest(m, pending & near & ~issue, take, bundle)
            there = (available > farthest) & near
        else:
            there = (available > step) & near
            for number in range(config.terms):
                there &= ~adds[number] | (available > step + bundle[f"ahead{number}"])
        m.d.comb += [
            available.eq(self.filled - position),
            held.eq(self.accepted - position),
            step.eq(Mux(stepped, 0, bundle.advance)),
            reached.eq(position + step),
            last_tile.eq(tile + 1 == self.tiles),
            issue.eq(pending & there & ~(bundle.last & held_sums)),
            self.blocking.eq(enabled & (held > slots - config.banks) & (held <= slots)),
            begin.eq(self.start & self.enable),
            self.read.eq(begin | (take & ~(self.bundle.last & last_tile))),
            self.address.eq(Mux(begin | self.bundle.last, first, following)),
        ]

        with m.If(self.taken):
            m.d.sync += held_sums.eq(0)
        through = take & ~begin & self.bundle.last & last_tile
        with m.If(self.jump | through):
            m.d.sync += first.eq(Mux(through, following, self.target))
        # Upper bits rest until a carry reaches them.
        after = Signal.like(following)
        m.d.comb += after.eq(self.address + 1)
        low = following[:_LOW_BITS]
        with m.If(begin | take):
            m.d.sync += low.eq(after[:_LOW_BITS])
        with m.If(begin | (take & (self.bundle.last | low.all()))):
            m.d.sync += following[_LOW_BITS:].eq(after[_LOW_BITS:])
        with m.If(self.flush):
            m.d.sync += enabled.eq(0)
        with m.If(self.start):
            m.d.sync += enabled.eq(self.enable)
        with m.If(begin):
            m.d.sync += [
                self.done.eq(0),
                pending.eq(1),
                fresh.eq(1),
                stepped.eq(0),
                tile.eq(0),
                position.eq(self.base),
                tile_end.eq(self.base + self.windows),
            ]
        with m.Elif(issue):
            m.d.sync += [fresh.eq(bundle.last), stepped.eq(0), position.eq(reached)]
            with m.If(bundle.last):
                m.d.sync += [
                    held_sums.eq(1),
                    position.eq(tile_end),
                    tile_end.eq(tile_end + self.windows),
                ]
                if not config.register_stages:
                    m.d.sync += tile.eq(tile + 1)
                with m.If(final):
                    m.d.sync += [self.done.eq(1), pending.eq(0)]
        with m.Elif(pending & near):
            # A bundle that waits lets go of the windows before its own.
            m.d.sync += [stepped.eq(1), position.eq(reached)]
        if config.register_stages:
            m.d.sync += pending.eq(take | (pending & ~issue))
            # Tiles are counted as bundles are read, which is ahead of their issue.
            with m.If(take & self.bundle.last):
                m.d.sync += tile.eq(tile + 1)

        # An unsigned accumulator may have to turn at the end.
        ends = bundle.last & config.unsigned
        m.d.sync += [
            self.o.enable.eq(issue & (fresh | Cat(*adds).any() | ends)),
            self.o.clear.eq(issue & fresh),
            self.o.last.eq(issue & bundle.last),
        ]
        for number, add in enumerate(adds):
            term = self.o.terms[number]
            m.d.sync += term.active.eq(issue & add)
            with m.If(issue & add):
                m.d.sync += [
                    term.slot.eq(reached + bundle[f"ahead{number}"]),
                    term.offset.eq(bundle[f"offset{number}"]),
                    term.negative.eq(bundle[f"negative{number}"]),
                ]
                if config.factor_bits:
                    m.d.sync += term.factor.eq(bundle[f"factor{number}"])
        return m

    def _register(
        self, m: Module, begin: Signal, pending: Signal, issue: Signal, last_tile: Signal
    ) -> tuple[data.View, Signal, Signal]:
        """The bundle in the register, whether it is the pass's last one, and whether the register
        takes the memory's."""
        bundle = Signal(bundle_layout(self._config), name="held_bundle")
        final = Signal()
        ahead = Signal()
        take = Signal()
        ends = self.bundle.last & last_tile
        m.d.comb += take.eq(ahead & (~pending | issue))
        with m.If(begin):
            m.d.sync += ahead.eq(1)
        with m.Elif(take):
            m.d.sync += [ahead.eq(~ends), bundle.eq(self.bundle), final.eq(ends)]
        return bundle, final, take

    def _farthest(self, m: Module, steps: Value, take: Signal, held: data.View) -> Signal:
        """How far the last window of the bundle in the register is: from the windows before its
        own, which `steps` leaves."""
        config = self._config
        farthest = Signal(count_bits(config))
        ahead = []
        for bundle in (self.bundle, held):
            most = Const(0)
            for number in range(config.terms):
                further = Signal(ahead_bits(config))
                adds = bundle[f"offset{number}"] != NO_TERM
                m.d.comb += further.eq(Mux(adds, bundle[f"ahead{number}"], 0))
                most = Mux(further > most, further, most) if number else further
            ahead.append(most)
        with m.If(take):
            m.d.sync += farthest.eq(self.bundle.advance + ahead[0])
        with m.Elif(steps):
            m.d.sync += farthest.eq(ahead[1])
        return farthest
