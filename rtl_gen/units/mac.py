"""Multiply-accumulates of a parallel multiplier and an accumulator."""

from __future__ import annotations

from amaranth import Module, signed

from pann_hw.power.mac import Mac
from pann_hw.power.products import KINDS
from rtl_gen.units.accumulator import add_accumulator
from rtl_gen.units.circuit import UnitCircuit, named_nets, word

__all__ = ["MacCircuit"]


class MacCircuit(UnitCircuit):
    """``value <- 0`` on ``load``, else ``value <- value + x * w`` on ``enable``.

    Parameters
    ----------
    unit : kind and widths

    Members
    -------
    x : In(x_bits)
    w : In(w_bits)
    load, enable : In(1)
    value : Out(signed(width))

    Latency: one cycle. Throughput: one product per cycle.
    """

    def __init__(self, unit: Mac) -> None:
        self._mac = unit
        super().__init__(unit, {"value": signed(unit.width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._mac
        product = word(KINDS[unit.kind](list(self.x), list(self.w), named_nets(m)))
        addend = product.as_signed() if unit.multiplier.signed else product
        m.d.comb += self.value.eq(add_accumulator(m, addend, self.load, self.enable, unit.width))
        return m
