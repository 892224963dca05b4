"""Accumulators: carry-gated, whose upper bits are clocked only when a carry or borrow reaches them;
plain; and unsigned, which only add."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Accumulator", "GatedAccumulator", "UnsignedAccumulator", "create_accumulator"]


class Accumulator(wiring.Component):
    """``value <- (clear ? 0 : scale ? value << digit_bits : value) + delta`` on ``enable``.

    All bits are written at every addition. Overflow wraps; programs are compiled so that it cannot
    happen.

    Parameters
    ----------
    width : bits of the signed value, 2 or more
    delta_width : bits of the signed ``delta``, 2..width
    digit_bits : of a digit, where numbers are taken digit by digit, highest first; 0 for never

    Members
    -------
    enable, clear : In(1); scale : In(1), where there are digits
    delta : In(signed(delta_width))
    value : Out(signed(width))

    Latency: one cycle from ``delta`` to ``value``. Throughput: one addition per cycle.
    """

    def __init__(self, width: int, delta_width: int, digit_bits: int = 0) -> None:
        if not 2 <= delta_width <= width:
            raise ValueError(f"delta_width {delta_width}, must be 2..{width}")
        self._width = width
        self._delta_width = delta_width
        self._digit_bits = digit_bits
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "delta": In(signed(delta_width)),
                "value": Out(signed(width)),
                **({"scale": In(1)} if digit_bits else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before: Value = self.value
        if self._digit_bits:
            before = Mux(self.scale, (before << self._digit_bits)[: self._width], before)
        kept = before & (~self.clear).replicate(self._width)
        total = Signal(signed(self._width), reset_less=True)
        m.d.comb += self.value.eq(total)
        with m.If(self.enable):
            m.d.sync += total.eq(kept.as_signed() + self.delta)
        return m


class GatedAccumulator(Accumulator):
    """An accumulator whose upper bits are clocked only where they may change.

    The ``low_bits`` lowest bits are written at every addition, the others on ``clear``, on
    ``scale`` and where carry and sign of ``delta`` do not cancel: a small negative ``delta`` that
    borrows nothing leaves them alone.

    Parameters
    ----------
    low_bits : bits that are always clocked, 1..width - 1
    width, delta_width, digit_bits : as for :class:`Accumulator`
    """

    def __init__(self, width: int, low_bits: int, delta_width: int, digit_bits: int = 0) -> None:
        if not 1 <= low_bits < width:
            raise ValueError(f"low_bits {low_bits}, must be 1..{width - 1}")
        self._low_bits = low_bits
        super().__init__(width, delta_width, digit_bits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        split = self._low_bits
        low = Signal(split, reset_less=True)
        high = Signal(signed(self._width - split), reset_less=True)
        m.d.comb += self.value.eq((high << split) | low)

        extended = Signal(signed(max(self._delta_width, split + 1)))
        sum_low = Signal(split + 1)
        step = Signal(signed(len(extended) - split + 1))
        kept = ~self.clear
        before_low, before_high, rewrite = low, high, self.clear
        if self._digit_bits:
            scaled = self.value << self._digit_bits
            before_low = Mux(self.scale, scaled[:split], low)
            before_high = Mux(self.scale, scaled[split : self._width], high)
            rewrite = self.clear | self.scale
        m.d.comb += [
            extended.eq(self.delta),
            sum_low.eq((before_low & kept.replicate(split)) + extended[:split]),
            step.eq((extended >> split) + sum_low[split]),
        ]
        with m.If(self.enable):
            m.d.sync += low.eq(sum_low)
            with m.If(rewrite | (step != 0)):
                m.d.sync += high.eq((before_high & kept.replicate(len(high))) + step)
        return m


class UnsignedAccumulator(wiring.Component):
    """``value <- (clear ? 0 : turn ? -value : value) + addend`` on ``enable``.

    Differences come of additions alone: what is to be subtracted is added to the negated value. No
    addend has a sign, so none flips the upper bits each time that it changes. The ``low_bits``
    lowest bits are written where the addend is ``occupied``, on ``clear`` and on ``turn``; the
    others on the latter two, on a carry, and where the addend reaches them. Overflow wraps;
    programs are compiled so that it cannot happen.

    Parameters
    ----------
    width : bits of the signed value, 2 or more
    low_bits : 1..width, or width for all bits
    addend_width : bits of the unsigned ``addend``, 1..width

    Members
    -------
    enable, clear, turn : In(1)
    occupied : In(1), where it is 0 the addend is 0
    addend : In(addend_width)
    value : Out(signed(width))

    Latency: one cycle from ``addend`` to ``value``. Throughput: one addition per cycle.
    """

    def __init__(self, width: int, low_bits: int, addend_width: int) -> None:
        if not 1 <= low_bits <= width:
            raise ValueError(f"low_bits {low_bits}, must be 1..{width}")
        if not 1 <= addend_width <= width:
            raise ValueError(f"addend_width {addend_width}, must be 1..{width}")
        self._width = width
        self._low_bits = low_bits
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "turn": In(1),
                "occupied": In(1),
                "addend": In(addend_width),
                "value": Out(signed(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        carry: Value = self.turn
        rewrite = self.clear | self.turn
        needed = self.occupied | rewrite
        parts = []
        for low, high in ((0, self._low_bits), (self._low_bits, self._width)):
            if low == high:
                continue
            part = Signal(high - low, name=f"bits{low}", reset_less=True)
            total = Signal(high - low + 2, name=f"sum{low}")
            before = (part & (~self.clear).replicate(len(part))) ^ self.turn.replicate(len(part))
            # The bit below the lowest makes the carry.
            m.d.comb += total.eq(Cat(Const(1, 1), before) + Cat(carry, self.addend[low:high]))
            with m.If(self.enable & needed):
                m.d.sync += part.eq(total[1:])
            carry = total[-1]
            needed = rewrite | carry | self.addend[high:].any()
            parts.append(part)
        # Not a concatenation, through which every register would be a port with a name of its own.
        value: Value = parts[0]
        if len(parts) > 1:
            value = (parts[1] << self._low_bits) | value
        m.d.comb += self.value.eq(value)
        return m


def create_accumulator(
    width: int, low_bits: int, delta_width: int, digit_bits: int = 0
) -> Accumulator:
    """A gated accumulator; a plain one where all bits are always clocked, ``low_bits == width``."""
    if low_bits == width:
        return Accumulator(width, delta_width, digit_bits)
    return GatedAccumulator(width, low_bits, delta_width, digit_bits)
