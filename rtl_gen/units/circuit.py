"""What the circuits of all arithmetic units share: ports and named nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.power.adders import Bit, Probe
from pann_hw.power.unit import Unit

__all__ = ["UnitCircuit", "named_nets", "word"]


class UnitCircuit(wiring.Component):
    """The circuit of a unit, with a signal of its own for every net that the unit's trace names.

    Parameters
    ----------
    unit : the unit, whose checked widths the circuit takes
    outputs : shape of each result

    Members
    -------
    one In of each of the unit's ports, one Out of each of ``outputs``
    """

    def __init__(self, unit: Unit, outputs: dict[str, Any]) -> None:
        self._unit = unit
        ports: dict[str, Any] = {port: In(width) for port, width in unit.ports.items()}
        super().__init__(ports | {name: Out(shape) for name, shape in outputs.items()})

    @property
    def unit(self) -> Unit:
        """The unit whose circuit this is."""
        return self._unit


def named_nets(m: Module) -> Probe:
    """A probe that gives each net that passes through it a signal of its name, driven in ``m``."""

    def probe(name: str, value: Bit) -> Bit:
        net = Signal(name=name)
        m.d.comb += net.eq(value)
        return net

    return probe


def word(bits: Sequence[Bit]) -> Value:
    """The word of a circuit's bits, lowest first, some of them None for 0 or 1 for a tied net."""
    return Cat(
        Const(0 if bit is None else 1, 1) if bit is None or isinstance(bit, int) else bit
        for bit in bits
    )
