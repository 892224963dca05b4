"""PANN's adders: one rail or two, with or without shifter, with or without a gated register."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value, signed

from pann_hw.power.pann_adder import PannAdder
from rtl_gen.units.accumulator import add_accumulator
from rtl_gen.units.circuit import UnitCircuit

__all__ = ["PannAdderCircuit"]


class PannAdderCircuit(UnitCircuit):
    """``value <- 0`` on ``load``, else ``value <- value + (p << p_shift) - (n << n_shift)``.

    Parameters
    ----------
    unit : rails, shifts and widths

    Members
    -------
    p, n : In(x_bits), operands of the rails, 0 where a rail has no term; n with two rails
    p_shift, n_shift : In, shifts of the terms; where ``max_shift`` is above 0
    load : In(1)
    enable : In(1), add
    value : Out(signed(width))

    Latency: one cycle. Throughput: one term per rail and cycle.
    """

    def __init__(self, unit: PannAdder) -> None:
        self._adder = unit
        super().__init__(unit, {"value": signed(unit.width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._adder
        words = [self._shifted(m, rail) for rail in ("p", "n")[: unit.rails]]
        addend = words[0] - words[1] if unit.rails == 2 else words[0]
        if unit.low_bits:
            m.d.comb += self.value.eq(self._gated(m, addend))
        else:
            m.d.comb += self.value.eq(
                add_accumulator(m, addend, self.load, self.enable, unit.width)
            )
        return m

    def _shifted(self, m: Module, rail: str) -> Value:
        """A rail's word after its shifter, a named net for each stage but the addend itself."""
        unit = self._adder
        word = getattr(self, rail)
        stages = unit.max_shift.bit_length()
        for stage in range(stages):
            width = unit.x_bits + min(2 ** (stage + 1) - 1, unit.max_shift)
            shift = getattr(self, f"{rail}_shift")[stage]
            shifted = Signal(width, name=f"{rail}_shifted_{stage}")
            m.d.comb += shifted.eq(word)
            with m.If(shift):
                m.d.comb += shifted.eq(word << 2**stage)
            word = shifted
        return word

    def _gated(self, m: Module, word: Value) -> Value:
        """An accumulator whose upper bits are clocked where a carry or borrow reaches them."""
        unit = self._adder
        split = unit.low_bits
        shape = signed(unit.addend_bits) if unit.rails == 2 else unit.addend_bits
        addend = Signal(shape)
        # Both extended: a slice needs as many bits as it takes.
        extended = Signal(signed(max(unit.addend_bits, split) + 1))
        low = Signal(split)
        sum_low = Signal(split)
        high = Signal(unit.width - split)
        sum_high = Signal(unit.width - split)
        step = Signal(unit.width - split)
        total = Signal(split + 1)
        m.d.comb += [
            addend.eq(word),
            extended.eq(addend),
            total.eq(low + extended[:split]),
            sum_low.eq(total),
            step.eq((extended >> split) + total[split]),
            sum_high.eq(high + step),
        ]
        with m.If(self.load):
            m.d.sync += [low.eq(0), high.eq(0)]
        with m.Elif(self.enable):
            m.d.sync += low.eq(sum_low)
            with m.If(step != 0):
                m.d.sync += high.eq(sum_high)
        return Cat(low, high)
