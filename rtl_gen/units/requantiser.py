"""One lane of the requantiser with every net of the power model."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed, unsigned

from pann_hw.power.requantiser import SHIFT_BITS, Requantiser
from rtl_gen.units.circuit import UnitCircuit

__all__ = ["RequantiserCircuit"]


class RequantiserCircuit(UnitCircuit):
    """Steps ``r <- floor((r + d * a) / 2**shift)``, then ``clamp(floor((r + 1) / 2), 0, q_max)``.

    The datapath of a lane of :class:`rtl_gen.requantiser.Requantiser`, its shifter written out and
    ``q_max = 2**bits - 1``. The steps come in by the ports; those of the unit are for who drives
    them.

    Parameters
    ----------
    unit : widths

    Members
    -------
    a : In(width), the accumulator in two's complement, stable during its steps
    first : In(1), begin from r = 0
    add, subtract : In(1), d = add - subtract
    shift : In(4)
    enable : In(1), do a step
    value : Out(bits), a cycle after the last step

    Latency and throughput: one cycle per step.
    """

    def __init__(self, unit: Requantiser) -> None:
        self._requantiser = unit
        super().__init__(unit, {"value": unsigned(unit.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._requantiser
        shape = signed(unit.state_width)
        register = Signal(shape)
        kept = Signal(shape)
        addend = Signal(shape)
        total = Signal(shape)
        rounded = Signal(shape)
        a = self.a.as_signed()
        q_max = 2**unit.bits - 1
        m.d.comb += [
            kept.eq(Mux(self.first, 0, register)),
            addend.eq(Mux(self.add, a, Mux(self.subtract, ~a, 0))),
            total.eq(kept + addend + self.subtract),
            rounded.eq((register + 1) >> 1),
            self.value.eq(Mux(rounded < 0, 0, Mux(rounded > q_max, q_max, rounded))),
        ]
        shifted = total
        for stage in range(SHIFT_BITS):
            before, shifted = shifted, Signal(shape, name=f"shifted_{stage}")
            m.d.comb += shifted.eq(Mux(self.shift[stage], before >> 2**stage, before))
        with m.If(self.enable):
            m.d.sync += register.eq(shifted)
        return m
