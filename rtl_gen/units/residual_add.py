"""Residual additions of real full adders."""

from __future__ import annotations

from amaranth import Module, Signal, unsigned

from pann_hw.power.residual_add import ResidualAdd, residual_sum
from rtl_gen.units.circuit import UnitCircuit, named_nets, word

__all__ = ["ResidualAddCircuit"]


class ResidualAddCircuit(UnitCircuit):
    """``total <- x + y`` on ``enable``.

    Parameters
    ----------
    unit : width

    Members
    -------
    x, y : In(bits), unsigned
    enable : In(1)
    total : Out(bits + 1)

    Latency: one cycle. Throughput: one addition per cycle.
    """

    def __init__(self, unit: ResidualAdd) -> None:
        super().__init__(unit, {"total": unsigned(unit.bits + 1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(len(self.total))
        # Outside of the condition, where the nets would be 0 without ``enable``.
        total = word(residual_sum(list(self.x), list(self.y), named_nets(m)))
        m.d.comb += self.total.eq(register)
        with m.If(self.enable):
            m.d.sync += register.eq(total)
        return m
