"""Accumulators with every net of the power model."""

from __future__ import annotations

from amaranth import Module, Signal, Value, signed

from pann_hw.power.accumulator import Accumulator
from rtl_gen.units.circuit import UnitCircuit

__all__ = ["AccumulatorCircuit", "add_accumulator"]


class AccumulatorCircuit(UnitCircuit):
    """``value <- 0`` on ``load``, else ``value <- value + addend`` on ``enable``.

    Parameters
    ----------
    unit : widths, and whether the addend is signed

    Members
    -------
    addend : In(bits), in two's complement where it is signed
    load, enable : In(1)
    value : Out(signed(width))

    Latency: one cycle. Throughput: one addition per cycle.
    """

    def __init__(self, unit: Accumulator) -> None:
        self._accumulator = unit
        super().__init__(unit, {"value": signed(unit.width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._accumulator
        addend = self.addend.as_signed() if unit.signed else self.addend
        m.d.comb += self.value.eq(add_accumulator(m, addend, self.load, self.enable, unit.width))
        return m


def add_accumulator(m: Module, addend: Value, load: Value, enable: Value, width: int) -> Signal:
    """An accumulator in ``m``, with nets ``extended``, ``sum`` and ``register``; returns the last.

    ``addend`` is extended to ``width`` bits, by its sign where it is signed.
    """
    extended = Signal(width)
    total = Signal(width, name="sum")
    register = Signal(width)
    m.d.comb += [extended.eq(addend), total.eq(register + extended)]
    with m.If(load):
        m.d.sync += register.eq(0)
    with m.Elif(enable):
        m.d.sync += register.eq(total)
    return register
