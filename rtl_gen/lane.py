"""Lanes: one output pixel each, in interchangeable kinds behind one interface."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.accumulator import GatedAccumulator

__all__ = ["CsdLane", "Lane", "UnaryLane", "create_lane", "shift_bits"]


def shift_bits(config: AcceleratorConfig) -> int:
    """Bits of a term's shift; 1 where the lane has no shifter and ignores it."""
    return max(config.shift.bit_length(), 1)


class Lane(wiring.Component):
    """``value <- bias`` on ``load``, else ``value <- value + delta`` on ``enable``.

    What ``delta`` is makes the kind. A rail without a term has an operand of 0.

    Parameters
    ----------
    config : widths and lane kind

    Members
    -------
    load, enable : In(1)
    bias : In(signed(accumulator_width))
    p, n : In(operand_width), operands of the first and the second rail
    p_shift, n_shift : In(shift_bits)
    subtract : In(1), for lanes with one rail
    value : Out(signed(accumulator_width))

    Latency: one cycle. Throughput: one term per rail and cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(1),
                "enable": In(1),
                "bias": In(signed(config.accumulator_width)),
                "p": In(config.operand_width),
                "n": In(config.operand_width),
                "p_shift": In(shift_bits(config)),
                "n_shift": In(shift_bits(config)),
                "subtract": In(1),
                "value": Out(signed(config.accumulator_width)),
            }
        )

    def delta(self, m: Module) -> Signal:
        """The signed step of the accumulator, driven in ``m``."""
        raise TypeError(f"{type(self).__name__} is not a lane kind; use UnaryLane or CsdLane")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        delta = self.delta(m)
        m.submodules.accumulator = accumulator = GatedAccumulator(
            self._config.accumulator_width, self._config.low_bits, len(delta)
        )
        m.d.comb += [
            accumulator.load.eq(self.load),
            accumulator.load_value.eq(self.bias),
            accumulator.enable.eq(self.enable),
            accumulator.delta.eq(delta),
            self.value.eq(accumulator.value),
        ]
        return m


class UnaryLane(Lane):
    """Unary terms: ``delta = p - n`` with two rails, ``delta = subtract ? -p : p`` with one."""

    def delta(self, m: Module) -> Signal:
        delta = Signal(signed(self._config.operand_width + 1))
        if self._config.rails == 2:
            m.d.comb += delta.eq(self.p - self.n)
        else:
            flipped = self.p ^ self.subtract.replicate(len(self.p))
            m.d.comb += delta.eq(Cat(flipped, self.subtract).as_signed() + self.subtract)
        return delta


class CsdLane(Lane):
    """Shifted terms on two rails: ``delta = (p << p_shift) - (n << n_shift)``."""

    def delta(self, m: Module) -> Signal:
        delta = Signal(signed(self._config.term_width + 1))
        m.d.comb += delta.eq((self.p << self.p_shift) - (self.n << self.n_shift))
        return delta


def create_lane(config: AcceleratorConfig) -> Lane:
    """A lane of the configured kind."""
    return {"unary": UnaryLane, "csd": CsdLane}[config.lane](config)
