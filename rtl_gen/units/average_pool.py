"""A rounded mean by an accumulator, with every net of the power model."""

from __future__ import annotations

from amaranth import Module, Signal, unsigned

from pann_hw.power.average_pool import AveragePool
from rtl_gen.units.circuit import UnitCircuit

__all__ = ["AveragePoolCircuit"]


class AveragePoolCircuit(UnitCircuit):
    """``value = floor((sum of x + size / 2) / size)`` of the activations since ``load``.

    Parameters
    ----------
    unit : width of the activations, and how many a window has

    Members
    -------
    x : In(bits)
    load : In(1), begins a window; x is not added
    enable : In(1), x is added
    value : Out(bits), a window's mean once all its activations are added

    Latency: one cycle. Throughput: one activation per cycle, and a cycle of ``load`` per window.
    """

    def __init__(self, unit: AveragePool) -> None:
        self._average_pool = unit
        super().__init__(unit, {"value": unsigned(unit.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._average_pool
        extended = Signal(unit.width)
        total = Signal(unit.width, name="sum")
        register = Signal(unit.width)
        m.d.comb += [
            extended.eq(self.x),
            total.eq(register + extended),
            self.value.eq(register[unit.shift :]),
        ]
        with m.If(self.load):
            m.d.sync += register.eq(unit.size // 2)
        with m.Elif(self.enable):
            m.d.sync += register.eq(total)
        return m
