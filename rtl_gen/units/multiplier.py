"""Parallel multipliers of real full adders."""

from __future__ import annotations

from amaranth import Module, unsigned

from pann_hw.power.multiplier import Multiplier
from pann_hw.power.products import KINDS
from rtl_gen.units.circuit import UnitCircuit, named_nets, word

__all__ = ["MultiplierCircuit"]


class MultiplierCircuit(UnitCircuit):
    """``product = x * w``, in two's complement where the kind is signed.

    Parameters
    ----------
    unit : kind and widths

    Members
    -------
    x : In(x_bits)
    w : In(w_bits)
    product : Out(x_bits + w_bits)

    Latency: none. Throughput: one product per cycle.
    """

    def __init__(self, unit: Multiplier) -> None:
        self._multiplier = unit
        super().__init__(unit, {"product": unsigned(unit.product_bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = KINDS[self._multiplier.kind](list(self.x), list(self.w), named_nets(m))
        m.d.comb += self.product.eq(word(bits))
        return m
