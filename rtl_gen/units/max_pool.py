"""A running maximum with every net of the power model."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, unsigned

from pann_hw.power.max_pool import MaxPool, compare
from rtl_gen.units.circuit import UnitCircuit, named_nets

__all__ = ["MaxPoolCircuit"]


class MaxPoolCircuit(UnitCircuit):
    """On ``enable`` ``value <- first or x > value ? x : value``.

    Parameters
    ----------
    unit : width of the activations

    Members
    -------
    x : In(bits)
    first : In(1), x begins a window
    enable : In(1)
    value : Out(bits)

    Latency: one cycle. Throughput: one activation per cycle.
    """

    def __init__(self, unit: MaxPool) -> None:
        self._max_pool = unit
        super().__init__(unit, {"value": unsigned(unit.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(self._max_pool.bits)
        selected = Signal(self._max_pool.bits)
        take = Signal()
        greater = compare(list(self.x), list(register), named_nets(m))
        m.d.comb += [
            take.eq(self.first | greater),
            selected.eq(Mux(take, self.x, register)),
            self.value.eq(register),
        ]
        with m.If(self.enable):
            m.d.sync += register.eq(selected)
        return m
