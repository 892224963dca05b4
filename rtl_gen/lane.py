"""Lanes: one output pixel each, in interchangeable kinds behind one interface."""

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.accumulator import GatedAccumulator

__all__ = ["CsdLane", "Lane", "UnaryLane", "create_lane", "shift_bits"]


def shift_bits(config: AcceleratorConfig) -> int:
    """Bits of a term's shift; 1 where the lane has no shifter and ignores it."""
    return max(config.shift.bit_length(), 1)


class Lane(wiring.Component):
    """``value <- (clear ? 0 : value) + sum over terms of (negative ? -1 : 1) * operand`` on enable.

    What is made of the operands makes the kind. A place without a term has an operand of 0.

    Parameters
    ----------
    config : widths, number of terms and lane kind

    Members
    -------
    enable, clear : In(1); scale : In(1), with columns of weights: ``value`` counts ``2 **
        (weight_width - 1)`` times, as a number is taken digit by digit
    x : In, operand_width bits for each term; shift : In, shift_bits for each term
    negative : In, a bit for each term
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
                "shift": In(data.ArrayLayout(shift_bits(config), config.terms)),
                "negative": In(config.terms),
                "value": Out(signed(config.accumulator_width)),
                **({"scale": In(1)} if config.linear else {}),
            }
        )

    def term(self, number: int) -> Value:
        """A term's magnitude."""
        raise TypeError(f"{type(self).__name__} is not a lane kind; use UnaryLane or CsdLane")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        delta = Signal(signed(config.step_width))
        total = 0
        for number in range(config.terms):
            negative = self.negative[number]
            term = Signal(signed(config.term_width + 1), name=f"term{number}")
            magnitude = self.term(number)
            flipped = magnitude ^ negative.replicate(len(magnitude))
            # -x = ~x + 1, and nothing where there is nothing to subtract.
            m.d.comb += term.eq(Cat(flipped, negative).as_signed() + negative)
            total = total + term
        m.d.comb += delta.eq(total)
        m.submodules.accumulator = accumulator = GatedAccumulator(
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


class UnaryLane(Lane):
    """Unary terms: the operands as they are."""

    def term(self, number: int) -> Value:
        """The operand."""
        return Value.cast(self.x[number])


class CsdLane(Lane):
    """Shifted terms: ``x << shift``."""

    def term(self, number: int) -> Value:
        """The shifted operand."""
        return (self.x[number] << self.shift[number])[: self._config.term_width]


def create_lane(config: AcceleratorConfig) -> Lane:
    """A lane of the configured kind."""
    return {"unary": UnaryLane, "csd": CsdLane}[config.lane](config)
