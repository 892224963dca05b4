"""Lanes: one output pixel each, in interchangeable kinds behind one interface.

Those of the method add, and shift. Those that multiply are conventional arrays' lanes, to compare
with.
"""

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.accumulator import UnsignedAccumulator, create_accumulator

__all__ = ["CsdLane", "Lane", "MacLane", "SignedMacLane", "UnaryLane", "create_lane", "factor_bits"]


def factor_bits(config: AcceleratorConfig) -> int:
    """Bits of a term's factor; 1 where the lane has none and ignores it."""
    return max(config.factor_bits, 1)


class Lane(wiring.Component):
    """``value <- (clear ? 0 : value) + sum over terms of ± operand`` on enable.

    What is made of the operands makes the kind. A place without a term has an operand of 0.

    Parameters
    ----------
    config : widths, number of terms and lane kind

    Members
    -------
    enable, clear : In(1); scale : In(1), with columns of weights: ``value`` counts ``2 **
        (weight_width - 1)`` times, as a number is taken digit by digit
    x : In, operand_width bits for each term; factor : In, factor_bits for each term
    negative : In, the sign, a bit for each term; with an unsigned accumulator instead turn : In(1),
        the value is negated first, and every term is added
    value : Out(signed(accumulator_width))

    Latency: one cycle. Throughput: config.terms terms per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "x": In(data.ArrayLayout(config.operand_width, config.terms)),
                "factor": In(data.ArrayLayout(factor_bits(config), config.terms)),
                **({"turn": In(1)} if config.unsigned else {"negative": In(config.terms)}),
                "value": Out(signed(config.accumulator_width)),
                **({"scale": In(1)} if config.linear else {}),
            }
        )

    def magnitude(self, number: int) -> Value:
        """A term without its sign."""
        raise TypeError(f"{type(self).__name__} is not a lane kind; use create_lane")

    def term(self, number: int) -> Value:
        """A term."""
        magnitude, negative = self.magnitude(number), self.negative[number]
        flipped = magnitude ^ negative.replicate(len(magnitude))
        # -x = ~x + 1, and nothing where there is nothing to subtract.
        return Cat(flipped, negative).as_signed() + negative

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        if config.unsigned:
            self._add(m)
            return m
        delta = Signal(signed(config.step_width))
        total = 0
        for number in range(config.terms):
            term = Signal(signed(config.term_width + 1), name=f"term{number}")
            m.d.comb += term.eq(self.term(number))
            total = total + term
        m.d.comb += delta.eq(total)
        m.submodules.accumulator = accumulator = create_accumulator(
            config.accumulator_width,
            config.low_bits,
            len(delta),
            config.weight_width - 1 if config.linear else 0,
        )
        if config.linear:
            m.d.comb += accumulator.scale.eq(self.scale)
        m.d.comb += [
            accumulator.enable.eq(self.enable),
            accumulator.clear.eq(self.clear),
            accumulator.delta.eq(delta),
            self.value.eq(accumulator.value),
        ]
        return m

    def _add(self, m: Module) -> None:
        """An unsigned accumulator and what is added to it."""
        config = self._config
        total = 0
        for number in range(config.terms):
            total = total + self.magnitude(number)
        m.submodules.accumulator = accumulator = UnsignedAccumulator(
            config.accumulator_width, config.low_bits, config.step_width
        )
        m.d.comb += [
            accumulator.enable.eq(self.enable),
            accumulator.clear.eq(self.clear),
            accumulator.turn.eq(self.turn),
            accumulator.occupied.eq(Value.cast(self.x).any()),
            accumulator.addend.eq(total),
            self.value.eq(accumulator.value),
        ]


class UnaryLane(Lane):
    """Unary terms: the operands as they are."""

    def magnitude(self, number: int) -> Value:
        """The operand."""
        return Value.cast(self.x[number])


class CsdLane(Lane):
    """Shifted terms: ``x << factor``."""

    def magnitude(self, number: int) -> Value:
        """The shifted operand."""
        return (self.x[number] << self.factor[number])[: self._config.term_width]


class MacLane(Lane):
    """Products: ``x * factor``, an unsigned multiplier whose products are added or subtracted."""

    def magnitude(self, number: int) -> Value:
        """The product."""
        return self.x[number] * self.factor[number]


class SignedMacLane(Lane):
    """Products with a two's complement number, of which ``negative`` is the sign bit."""

    def term(self, number: int) -> Value:
        """The product."""
        return self.x[number] * Cat(self.factor[number], self.negative[number]).as_signed()


def create_lane(config: AcceleratorConfig) -> Lane:
    """A lane of the configured kind."""
    kinds = {"unary": UnaryLane, "csd": CsdLane, "mac": MacLane, "signed_mac": SignedMacLane}
    return kinds[config.lane](config)
