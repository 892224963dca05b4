"""A design that holds any units side by side, all driven from one wide register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.power.unit import Unit
from rtl_gen.units.create import create_unit

__all__ = ["Place", "UnitBench", "check_units"]


@dataclass(frozen=True)
class Place:
    """Where a port of a unit is in a wide one; each begins at a byte.

    Attributes
    ----------
    begin : lowest bit, a multiple of 8
    width : in bits
    signed : whether the port's value is signed
    """

    begin: int
    width: int
    signed: bool

    @property
    def bits(self) -> slice:
        """The port's bits in the wide one."""
        return slice(self.begin, self.begin + self.width)


class UnitBench(wiring.Component):
    """Units whose ports all change at the clock edge, together with their registers.

    A port that followed an input of the design directly would settle before the registers do, and
    a simulator would count some nets twice in a cycle.

    Parameters
    ----------
    units : at least one, of different names; each becomes an instance of that name

    Members
    -------
    stimulus : In, ports of all units, see :attr:`ports`
    outputs : Out, results of all units, see :attr:`results`

    Latency: ports have in a cycle what ``stimulus`` had in the one before; ``outputs`` belong to
    the cycle in which they are seen. Throughput: all units run in every cycle.

    Raises
    ------
    ValueError : no units, or two of the same name
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        check_units(units)
        self._circuits = {unit.name: create_unit(unit) for unit in units}
        inputs, self._ports = self._places(In)
        outputs, self._results = self._places(Out)
        super().__init__({"stimulus": In(inputs), "outputs": Out(outputs)})

    def _places(self, flow: wiring.Flow) -> tuple[int, dict[str, dict[str, Place]]]:
        size = 0
        places: dict[str, dict[str, Place]] = {name: {} for name in self._circuits}
        for name, circuit in self._circuits.items():
            for port, member in circuit.signature.members.items():
                if member.flow is flow:
                    shape = Shape.cast(member.shape)
                    places[name][port] = Place(size, shape.width, shape.signed)
                    size += -(-shape.width // 8) * 8
        return size, places

    @property
    def ports(self) -> dict[str, dict[str, Place]]:
        """Unit's name -> input port -> its place in ``stimulus``."""
        return self._ports

    @property
    def results(self) -> dict[str, dict[str, Place]]:
        """Unit's name -> output port -> its place in ``outputs``."""
        return self._results

    def elaborate(self, platform: object) -> Module:
        m = Module()
        driven = Signal.like(self.stimulus)
        m.d.sync += driven.eq(self.stimulus)
        for name, circuit in self._circuits.items():
            m.submodules[name] = circuit
            for port, place in self._ports[name].items():
                m.d.comb += getattr(circuit, port).eq(driven[place.bits])
            for port, place in self._results[name].items():
                m.d.comb += self.outputs[place.bits].eq(getattr(circuit, port))
        return m


def check_units(units: Sequence[Unit]) -> None:
    """Raise ValueError where there are no units, or two of the same name."""
    names = [unit.name for unit in units]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated or not names:
        found = f"{repeated[0]} more than once" if repeated else "none"
        raise ValueError(f"units: {found}, must be at least one, and each once")
