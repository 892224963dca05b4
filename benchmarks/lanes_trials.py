"""A lane to try out what the generator's own lanes are not, or are no longer."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.accumulator import UnsignedAccumulator
from rtl_gen.lane import factor_bits

__all__ = ["TrialLane"]


class TrialLane(wiring.Component):
    """Unsigned sums of unsigned terms, ``sum[i] <- (clear ? 0 : ±sum[i]) + terms[i]`` on enable.

    With one sum it adds all terms and negates first on ``turn``, as the generator's lanes with
    unsigned accumulators do; with two, even places add to the first and odd ones to the second, the
    sums of the positive and of the negative terms, whose difference is taken once, elsewhere.

    Parameters
    ----------
    config : widths, number of terms, lane kind (csd, unary or mac)
    sums : 1 or 2
    rests : whether a sum's low bits are clocked only where an operand is not 0; else where its
        places have a term
    shifted : operands come shifted, max_shift bits wider

    Members
    -------
    enable, clear : In(1); turn : In(1), with one sum
    x : In, an operand for each term; factor : In, factor_bits for each term
    active : In(config.terms), places that have a term
    value : Out(sums * accumulator_width), the first sum lowest

    Latency: one cycle. Throughput: config.terms terms per cycle.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        *,
        sums: int = 1,
        rests: bool = True,
        shifted: bool = False,
    ) -> None:
        self._config = config
        self._sums = sums
        self._rests = rests
        self._shifted = shifted
        self._operand_width = config.operand_width + (config.shift if shifted else 0)
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "x": In(data.ArrayLayout(self._operand_width, config.terms)),
                "factor": In(data.ArrayLayout(factor_bits(config), config.terms)),
                "active": In(config.terms),
                "value": Out(sums * config.accumulator_width),
                **({"turn": In(1)} if sums == 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        values = []
        for number in range(self._sums):
            places = range(number, self._config.terms, self._sums)
            value = self._one(m, places) if self._sums == 1 else self._rail(m, number, places)
            values.append(value)
        m.d.comb += self.value.eq(Cat(*values))
        return m

    def _term(self, number: int) -> Value:
        x, factor = Value.cast(self.x[number]), self.factor[number]
        if self._shifted or self._config.lane == "unary":
            return x
        if self._config.lane == "mac":
            return x * factor
        return (x << factor)[: self._config.term_width]

    def _addend(self, m: Module, name: str, places: range) -> tuple[Signal, Value, Value]:
        """What the places add, whether it is anything, and whether they have a term."""
        total: Value = Const(0, 0)
        for place in places:
            total = total + self._term(place)
        width = self._config.term_width + (len(places) - 1).bit_length()
        addend = Signal(width, name=name)
        m.d.comb += addend.eq(total)
        active = Cat(*(self.active[place] for place in places)).any()
        if not self._rests:
            return addend, active, active
        some = Cat(*(Value.cast(self.x[p]).any() & self.active[p] for p in places)).any()
        return addend, some, active

    def _one(self, m: Module, places: range) -> Value:
        config = self._config
        addend, some, _ = self._addend(m, "addend", places)
        m.submodules.accumulator = accumulator = UnsignedAccumulator(
            config.accumulator_width, config.low_bits, len(addend)
        )
        m.d.comb += [
            accumulator.enable.eq(self.enable),
            accumulator.clear.eq(self.clear),
            accumulator.turn.eq(self.turn),
            accumulator.occupied.eq(some),
            accumulator.addend.eq(addend),
        ]
        return accumulator.value

    def _rail(self, m: Module, number: int, places: range) -> Value:
        """A sum of its own, low bits and high ones."""
        config = self._config
        split = config.low_bits
        addend, some, active = self._addend(m, f"addend{number}", places)
        low = Signal(split, name=f"low{number}")
        high = Signal(config.accumulator_width - split, name=f"high{number}")
        total = Signal(split + 1, name=f"total{number}")
        kept = ~self.clear
        m.d.comb += total.eq((low & kept.replicate(split)) + addend[:split])
        carry, beyond = total[split], addend[split:]
        with m.If(self.enable & (some | self.clear)):
            m.d.sync += low.eq(total)
        with m.If(self.enable & (self.clear | (active & (carry | beyond.any())))):
            m.d.sync += high.eq((high & kept.replicate(len(high))) + beyond + carry)
        return Cat(low, high)
