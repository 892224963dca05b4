"""The stream of a linear pass: reads activations, skips zeros, and adds a column for every bit."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth import Array, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import LINEAR
from rtl_gen.lane import factor_bits
from rtl_gen.row_buffer import row_layout

__all__ = ["LinearStream", "linear_layout", "record_layout"]


def record_layout() -> data.StructLayout:
    """LINEAR without what is reserved."""
    return data.StructLayout({name: LINEAR[name] for name in LINEAR if name != "_reserved"})


def linear_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Registered control of all cores in a linear pass.

    enable: the column is added; clear: the sums begin anew; scale: they are scaled by a digit
    first; last: they are complete; terms: for each place of the lane whether it adds, and the shift
    """
    term = data.StructLayout({"active": 1, "shift": factor_bits(config)})
    return data.StructLayout(
        {
            "enable": 1,
            "clear": 1,
            "scale": 1,
            "last": 1,
            "terms": data.ArrayLayout(term, config.terms),
        }
    )


class LinearStream(wiring.Component):
    """``sum[lane] = bias[lane] + sum over x of sum over the set bits of x of (weight << bit)``.

    Words of activations are read one after another, bank by bank, and of each word the activations
    that are not 0, lane by lane. Their bits are added as ``pann_hw.program.linear.digits`` says,
    ``config.terms`` a cycle, with the column of weights that belongs to the activation. The bias
    comes first, as columns that are digits of it. All cores follow, each with columns of its own.

    Parameters
    ----------
    config : lanes, banks, terms, lane kind

    Members
    -------
    start : In(1), begins a pass that reads what ``record`` : In(record_layout) says
    waits : In(1), sums of the pass before are still to be taken
    address, read : Out, the activation memory's read port; words : In, a cycle later
    column, column_read : Out, the weight memories' read port, one for all
    busy : Out(1), a pass is under way
    o : Out(linear_layout), in the cycle in which the column is there

    Latency: three cycles from ``start`` to the first activation, and one from there to ``o``.
    Throughput: one cycle for each digit of the bias, one for up to ``config.terms`` bits of an
    activation; a cycle for a word without any; one cycle at the end.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._column_bits = max((config.weight_words - 1).bit_length(), 1)
        super().__init__(
            {
                "start": In(1),
                "record": In(record_layout()),
                "waits": In(1),
                "address": Out((config.bank_words - 1).bit_length()),
                "read": Out(1),
                "words": In(data.ArrayLayout(row_layout(config), config.banks)),
                "column": Out(self._column_bits),
                "column_read": Out(1),
                "busy": Out(1),
                "o": Out(linear_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lanes, banks = config.lanes, config.banks
        # Words: what is being read, and of it the bank and the lanes not taken.
        left = Signal(range(config.bank_words + 1))
        span = Signal(range(lanes + 1))
        there = Signal()
        bank = Signal(range(max(banks, 2)))
        unseen = Signal(lanes)
        word_column = Signal(self._column_bits)
        first_read = Signal()
        # The activation under way, and the bias.
        x = Signal(config.operand_width)
        x_column = Signal(self._column_bits)
        fresh = Signal()
        biases = Signal(8)
        bias_column = Signal(self._column_bits)
        clear = Signal()

        word = Array(self.words[index] for index in range(banks))[bank]
        candidates = Signal(lanes)
        lowest = Signal(lanes)
        rest = Signal(lanes)
        for lane in range(lanes):
            m.d.comb += candidates[lane].eq(there & unseen[lane] & (lane < span) & word[lane].any())
        m.d.comb += [
            rest.eq(candidates & (candidates - 1)),
            lowest.eq(candidates & ~rest),
        ]
        chosen = Signal(config.operand_width)
        number = Signal(range(lanes))
        m.d.comb += [
            chosen.eq(
                _any(x & on.replicate(len(chosen)) for x, on in zip(word, lowest, strict=True))
            ),
            number.eq(_any(on.replicate(len(number)) & lane for lane, on in enumerate(lowest))),
        ]

        adds_bias = biases != 0
        adds_x = Signal()
        remaining = Signal(config.operand_width)
        terms, after = _digits(m, x, config)
        free = Signal()
        pick = Signal()
        word_end = Signal()
        bank_end = Signal()
        end = Signal.like(bank)
        if banks > 1:
            last_words = Signal.like(left)
            last_bank = Signal(2)
            m.d.comb += end.eq(Mux(left < last_words, last_bank, banks - 1))
            with m.If(self.start):
                m.d.sync += [
                    last_words.eq(self.record.last_words),
                    last_bank.eq(self.record.last_bank),
                ]
        finished = Signal()
        m.d.comb += [
            adds_x.eq((x != 0) & ~adds_bias),
            remaining.eq(Mux(adds_x, after, x)),
            free.eq(remaining == 0),
            pick.eq(candidates.any() & free),
            bank_end.eq(there & (rest == 0) & (free | ~candidates.any())),
            word_end.eq(bank_end & (bank == end)),
            self.read.eq((first_read | word_end) & (left != 0)),
            self.column.eq(Mux(adds_bias, bias_column, x_column)),
            self.column_read.eq(adds_bias | (adds_x & fresh)),
            finished.eq(self.busy & ~first_read & ~there & ~adds_bias & (x == 0) & ~self.waits),
        ]
        m.d.sync += [
            x.eq(Mux(pick, chosen, remaining)),
            self.o.enable.eq(adds_bias | adds_x),
            self.o.clear.eq(adds_bias & clear),
            self.o.scale.eq(adds_bias & ~clear),
            self.o.last.eq(finished),
        ]
        for place, (active, shift) in enumerate(terms):
            term = self.o.terms[place]
            # The bias is added at the first place.
            bias_here = adds_bias if place == 0 else 0
            m.d.sync += term.active.eq((adds_x & active) | bias_here)
            with m.If(adds_x & active):
                m.d.sync += term.shift.eq(shift)
            with m.Elif(bias_here):
                m.d.sync += term.shift.eq(0)
        with m.If(adds_x):
            m.d.sync += fresh.eq(0)
        with m.If(adds_bias):
            m.d.sync += [
                biases.eq(biases - 1),
                bias_column.eq(bias_column + 1),
                clear.eq(0),
            ]
        with m.If(pick):
            m.d.sync += [
                x_column.eq(word_column + number),
                fresh.eq(1),
                unseen.eq(unseen & ~lowest),
            ]
        with m.If(bank_end):
            m.d.sync += [
                bank.eq(bank + 1 if banks > 1 else 0),
                unseen.eq((1 << lanes) - 1),
                word_column.eq(word_column + span),
            ]
        with m.If(word_end):
            m.d.sync += [there.eq(0), bank.eq(0)]
        with m.If(first_read):
            m.d.sync += first_read.eq(0)
        with m.If(self.read):
            m.d.sync += [there.eq(1), left.eq(left - 1), self.address.eq(self.address + 1)]
        with m.If(finished):
            m.d.sync += self.busy.eq(0)
        with m.If(self.start):
            record = self.record
            m.d.sync += [
                self.busy.eq(1),
                self.address.eq(record.base),
                left.eq(record.words),
                span.eq(record.span),
                bank.eq(0),
                unseen.eq((1 << lanes) - 1),
                bias_column.eq(record.column),
                word_column.eq(record.column + record.biases),
                biases.eq(record.biases),
                first_read.eq(1),
                clear.eq(1),
            ]
        return m


def _any(values: Iterable[Value]) -> Value:
    """The bitwise or of all values."""
    return reduce(or_, values)


def _digits(
    m: Module, x: Signal, config: AcceleratorConfig
) -> tuple[list[tuple[Value, Value]], Value]:
    """(adds, shift) of each place in this cycle, and what of the activation is left after it."""
    terms = []
    rest: Value = x
    split = min(config.shift, len(x))
    for place in range(config.terms):
        low, high = rest[:split], rest[split:]
        following = Signal(len(x), name=f"rest{place}")
        shift = Signal(factor_bits(config), name=f"shift{place}")
        m.d.comb += following.eq(Mux(low.any(), low & (low - 1), low))
        m.d.comb += following[split:].eq(high)
        if len(high):
            with m.If(~low.any() & high.any()):
                m.d.comb += following[split:].eq(high - 1)
        m.d.comb += shift.eq(split)
        for bit in reversed(range(split)):
            with m.If(low[bit]):
                m.d.comb += shift.eq(bit)
        terms.append((rest.any(), shift))
        rest = following
    return terms, rest
