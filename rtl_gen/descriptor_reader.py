"""Reads the descriptors of one pass after another, ahead of the units that take them."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    LINEAR,
    PASS,
    PASS_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    Fields,
    pack,
    used_pass,
    used_segment,
)

__all__ = ["DescriptorReader"]


class DescriptorReader(wiring.Component):
    """Offers a pass with its segments, and a CORE record for each core, until they are taken.

    Bits of fields that no program for the configuration uses are no registers: they read 0.

    Parameters
    ----------
    config : cores, and what decides the used bits

    Members
    -------
    start : In(1), begins at descriptor ``first_pass``
    address : Out(16), of the descriptor memory; word : In(32), data a cycle after the address
    item, segments : Out; item_valid : Out(1), until ``item_taken`` : In(1)
    records : Out; records_valid : Out(1), until ``records_taken`` : In(1)

    Latency: one cycle and one per word. The pass that ends an inference is the last one read.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "first_pass": In(16),
                "address": Out(16),
                "word": In(32),
                "item": Out(data.StructLayout(dict(PASS))),
                "segments": Out(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "item_valid": Out(1),
                "item_taken": In(1),
                "records": Out(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "records_valid": Out(1),
                "records_taken": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # Words arrive a cycle after their address; ``index`` is that of ``word``.
        records = CORE_WORDS * config.cores
        index = Signal(range(max(records, PASS_WORDS + 2 * SEGMENT_WORDS) + 1))
        following = Signal.like(index)
        segment = _mask(SEGMENT, used_segment(config))
        # A linear pass has a LINEAR record in the first one's place.
        first = segment | (_mask(LINEAR, LINEAR) if config.linear else 0)
        item_mask = _mask(PASS, used_pass(config)) | first << sum(PASS.values())
        item_mask |= segment << sum(PASS.values()) + sum(SEGMENT.values())
        records_mask = (1 << 32 * records) - 1
        with m.If(self.item_taken):
            m.d.sync += self.item_valid.eq(0)
        with m.If(self.records_taken):
            m.d.sync += self.records_valid.eq(0)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += self.address.eq(self.first_pass)
                m.next = "PASS_WAIT"
            with m.State("PASS_WAIT"), m.If(~self.item_valid):
                m.d.sync += [self.address.eq(self.address + 1), index.eq(0)]
                m.next = "PASS"
            with m.State("PASS"):
                self._store(m, index, (self.item, self.segments), item_mask)
                segments = Mux(self.item.two_segments, 2 * SEGMENT_WORDS, SEGMENT_WORDS)
                m.d.comb += following.eq(index + 1)
                m.d.sync += index.eq(following)
                with m.If(following == PASS_WORDS + segments):
                    m.d.sync += self.item_valid.eq(1)
                    m.next = "RECORDS_WAIT"
                with m.Else():
                    m.d.sync += self.address.eq(self.address + 1)
            with m.State("RECORDS_WAIT"):
                with m.If(self.item.pool):
                    m.next = "PASS_WAIT"
                    with m.If(self.item.final):
                        m.next = "IDLE"
                with m.Elif(~self.records_valid):
                    m.d.sync += [self.address.eq(self.address + 1), index.eq(0)]
                    m.next = "RECORDS"
            with m.State("RECORDS"):
                self._store(m, index, (self.records,), records_mask)
                m.d.comb += following.eq(index + 1)
                m.d.sync += index.eq(following)
                with m.If(following == self.item.cores << (CORE_WORDS - 1)):
                    m.d.sync += self.records_valid.eq(1)
                    m.next = "PASS_WAIT"
                    with m.If(self.item.final):
                        m.next = "IDLE"
                with m.Else():
                    m.d.sync += self.address.eq(self.address + 1)
        return m

    def _store(self, m: Module, index: Signal, views: tuple[data.View, ...], mask: int) -> None:
        """Store the used bits of the word that has arrived."""
        place = 0
        with m.Switch(index):
            for view in views:
                for number in range(len(view.as_value()) // 32):
                    with m.Case(place):
                        used = Const(mask >> 32 * place & 0xFFFFFFFF, 32)
                        m.d.sync += view.as_value().word_select(number, 32).eq(self.word & used)
                    place += 1


def _mask(fields: Fields, used: Fields) -> int:
    """A record's bits that are used, those lowest in each field."""
    return pack(fields, {name: (1 << width) - 1 for name, width in used.items()})
