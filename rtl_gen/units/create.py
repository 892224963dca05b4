"""From a unit of the power models to its circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pann_hw.power.accumulator import Accumulator
from pann_hw.power.average_pool import AveragePool
from pann_hw.power.mac import Mac
from pann_hw.power.max_pool import MaxPool
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.requantiser import Requantiser
from pann_hw.power.residual_add import ResidualAdd
from pann_hw.power.serial_multiplier import SerialMultiplier
from pann_hw.power.unit import Unit
from rtl_gen.units.accumulator import AccumulatorCircuit
from rtl_gen.units.average_pool import AveragePoolCircuit
from rtl_gen.units.circuit import UnitCircuit
from rtl_gen.units.mac import MacCircuit
from rtl_gen.units.max_pool import MaxPoolCircuit
from rtl_gen.units.multiplier import MultiplierCircuit
from rtl_gen.units.pann_adder import PannAdderCircuit
from rtl_gen.units.requantiser import RequantiserCircuit
from rtl_gen.units.residual_add import ResidualAddCircuit
from rtl_gen.units.serial_multiplier import SerialMultiplierCircuit

__all__ = ["create_unit"]

_CIRCUITS: dict[type[Unit], Callable[[Any], UnitCircuit]] = {
    Accumulator: AccumulatorCircuit,
    AveragePool: AveragePoolCircuit,
    Mac: MacCircuit,
    MaxPool: MaxPoolCircuit,
    Multiplier: MultiplierCircuit,
    PannAdder: PannAdderCircuit,
    Requantiser: RequantiserCircuit,
    ResidualAdd: ResidualAddCircuit,
    SerialMultiplier: SerialMultiplierCircuit,
}


def create_unit(unit: Unit) -> UnitCircuit:
    """The circuit of a unit."""
    return _CIRCUITS[type(unit)](unit)
