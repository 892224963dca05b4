"""The write port of the activation memory: one unit at a time stores through its registers."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.row_buffer import row_layout

__all__ = ["StorePort", "drained_layout", "parts_layout"]


def drained_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Where drained words go: ``write`` now, to one ``address`` of each of ``banks``, the lanes of
    ``part``; of a word that is stored as two halves ``phase``, and ``upper`` for the odd strips."""
    return data.StructLayout(
        {
            "write": 1,
            "banks": config.banks,
            "address": 16,
            "part": range(max(config.parts, 2)),
            "phase": 1,
            "upper": 1,
        }
    )


def parts_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """What is requantised at a time: of each word ``part_lanes`` elements."""
    part = data.ArrayLayout(config.operand_width, config.part_lanes)
    return data.ArrayLayout(part, config.requantisers)


class StorePort(wiring.Component):
    """Registers that hold what is to be written, and which lanes of which banks.

    A word that is stored as two halves is written twice: lane i of each group of P lanes, P =
    2**columns_bits, takes what lane ``(2 * i + phase) % P`` has, and those lanes of a group are
    written that are in its upper half, or those that are not.

    Parameters
    ----------
    config : lanes, banks, requantise_lanes, operand_width, input_elements

    Members
    -------
    take, bank, place, lane, whole_beat, elements : In, an element of the input, which all
        ``elements`` are, or a whole beat in the neighbouring lanes from ``lane`` on, a multiple of
        input_elements
    drained, words : In, see :class:`rtl_gen.drain.Drain`; bank b stores ``words[b % requantisers]``
    pooled_write, pooled_address, pooled, pooled_phase, pooled_upper : In, a word for each bank
    halve, columns_bits : In, of what is drained or pooled
    address, enable, lanes, data : Out, to the memory: which banks, and which lanes of them

    Latency: one cycle. Throughput: a store a cycle. An element goes before a word that is drained,
    and that before one that is pooled.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        words = data.ArrayLayout(row_layout(config), config.banks)
        super().__init__(
            {
                "take": In(1),
                "bank": In(range(max(config.banks, 2))),
                "place": In(16),
                "lane": In(range(config.lanes)),
                "whole_beat": In(1),
                "elements": In(config.operand_width * config.input_elements),
                "drained": In(drained_layout(config)),
                "words": In(parts_layout(config)),
                "pooled_write": In(1),
                "pooled_address": In(16),
                "pooled": In(words),
                "pooled_phase": In(1),
                "pooled_upper": In(1),
                "halve": In(1),
                "columns_bits": In(3),
                "address": Out(16),
                "enable": Out(config.banks),
                "lanes": Out(config.lanes),
                "data": Out(words),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        banks, lanes, width = config.banks, config.lanes, config.part_lanes
        low = width.bit_length() - 1
        beat = config.input_elements.bit_length() - 1
        enable = Signal(banks, name="next_enable")
        # Lanes that take a value, as parts of a word and lanes of a part, and those written then.
        parts = Signal(config.parts)
        places = Signal(width)
        takes = Signal(lanes)
        written = Signal(lanes)
        m.d.comb += takes.eq(Cat(part & place for part in parts for place in places))
        m.d.comb += written.eq(takes)
        m.d.sync += self.enable.eq(enable)
        with m.If(self.take):
            m.d.comb += [
                enable.eq(1 << self.bank),
                parts.eq(_selected(self.lane[low:], max(beat - low, 0), self.whole_beat)),
                places.eq(_selected(self.lane[:low], min(beat, low), self.whole_beat)),
            ]
            m.d.sync += self.address.eq(self.place)
        with m.Elif(self.drained.write):
            m.d.comb += [
                enable.eq(self.drained.banks),
                parts.eq(1 << self.drained.part),
                places.eq(~0),
            ]
            m.d.sync += self.address.eq(self.drained.address)
        with m.Elif(self.pooled_write):
            m.d.comb += [enable.eq(~0), parts.eq(~0), places.eq(~0)]
            m.d.sync += self.address.eq(self.pooled_address)
        with m.If(enable.any()):
            m.d.sync += self.lanes.eq(written)

        phase = Signal()
        halved = Signal()
        if config.halves:
            upper = Mux(self.drained.write, self.drained.upper, self.pooled_upper)
            m.d.comb += [
                phase.eq(Mux(self.drained.write, self.drained.phase, self.pooled_phase)),
                halved.eq(self.halve & ~self.take),
            ]
            with m.If(halved):
                m.d.comb += written.eq(
                    Cat(
                        Array(_in_upper(lane, bits) for bits in range(lanes.bit_length()))[
                            self.columns_bits
                        ]
                        == upper
                        for lane in range(lanes)
                    )
                )
        for bank in range(banks):
            word = Signal(row_layout(config), name=f"word{bank}")
            given = Signal(row_layout(config), name=f"given{bank}")
            stored = Signal(row_layout(config), name=f"stored{bank}")
            part = Signal(data.ArrayLayout(config.operand_width, width), name=f"part{bank}")
            m.d.comb += [
                self.data[bank].eq(word),
                part.eq(self.words[bank % config.requantisers]),
                given.eq(Mux(self.drained.write, Cat(*[part] * config.parts), self.pooled[bank])),
                stored.eq(given),
            ]
            if config.halves:
                with m.If(halved):
                    m.d.comb += stored.eq(self._turned(given, phase))
            for lane in range(lanes):
                element = self.elements.word_select(
                    lane % config.input_elements, config.operand_width
                )
                value = Mux(self.take, element, stored[lane])
                with m.If(enable[bank] & takes[lane]):
                    m.d.sync += word[lane].eq(value)
        return m

    def _turned(self, word: data.View, phase: Signal) -> Value:
        """The word as ``phase`` of its halves takes it."""
        lanes = self._config.lanes
        pairs = [Mux(phase, word[lane + 1], word[lane]) for lane in range(0, lanes, 2)]
        return Cat(
            Array(
                pairs[(_group(lane, bits) + 2 * lane % (1 << bits)) // 2]
                for bits in range(1, lanes.bit_length())
            )[self.columns_bits - 1]
            for lane in range(lanes)
        )


def _selected(number: Value, bits: int, whole: Value) -> Value:
    """A bit for each number: that one, or where ``whole`` all that differ in the lowest bits."""
    high = 1 << number[bits:] if len(number) > bits else Const(1, 1)
    if not bits:
        return high
    low = (1 << number[:bits]) | whole.replicate(1 << bits)
    return Cat(one & other for one in high for other in low)


def _group(lane: int, bits: int) -> int:
    return lane >> bits << bits


def _in_upper(lane: int, columns_bits: int) -> int:
    return lane >> max(columns_bits - 1, 0) & 1
