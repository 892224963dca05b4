"""A serial multiplier of one row of full adders."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, unsigned

from pann_hw.power.adders import ripple_add
from pann_hw.power.serial_multiplier import SerialMultiplier
from rtl_gen.units.circuit import UnitCircuit, named_nets, word

__all__ = ["SerialMultiplierCircuit"]


class SerialMultiplierCircuit(UnitCircuit):
    """``product = x * w``, unsigned: a cycle of ``load``, then ``w_bits`` cycles of ``step``.

    Parameters
    ----------
    unit : widths of the operands

    Members
    -------
    x : In(x_bits), the same from the first ``step`` to the last
    w : In(w_bits), read on ``load``
    load : In(1), begins a product, whatever ``step`` is
    step : In(1), adds x where the next bit of w is 1
    product : Out(x_bits + w_bits), after the last ``step``, until the next ``load``

    Latency and throughput: a product in ``w_bits + 1`` cycles, one at a time.
    """

    def __init__(self, unit: SerialMultiplier) -> None:
        self._serial = unit
        super().__init__(unit, {"product": unsigned(unit.product_bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._serial
        addend = Signal(unit.x_bits)
        upper = Signal(unit.x_bits)
        lower = Signal(unit.w_bits)
        total = word(ripple_add(list(upper), list(addend), "add", named_nets(m)))
        m.d.comb += [
            addend.eq(Mux(self.step & lower[0], self.x, 0)),
            self.product.eq(Cat(lower, upper)),
        ]
        with m.If(self.load):
            m.d.sync += [upper.eq(0), lower.eq(self.w)]
        with m.Elif(self.step):
            m.d.sync += Cat(lower, upper).eq(Cat(lower, total)[1:])
        return m
