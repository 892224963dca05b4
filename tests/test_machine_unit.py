"""Registers whose flips are counted."""

from __future__ import annotations

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit


class Pair(Unit):
    """Two registers, and what is none."""

    def __init__(self, flips: dict[str, int]) -> None:
        super().__init__(AcceleratorConfig(), flips)
        self.low = self.high = 0
        self.names = ["low", "high"]


def test_flips_are_counted_by_group() -> None:
    flips = {"control": 0, "memory_ports": 0}
    first, second = Pair(flips), Pair(flips)
    first.put("low", 0b1011)
    assert flips == {"control": 3, "memory_ports": 0}
    first.put("low", 0b1011)
    first.put("low", 0b0110)
    assert flips == {"control": 6, "memory_ports": 0}
    second.put("high", 2**40 + 1, "memory_ports")
    second.put("high", 0, "memory_ports")
    assert flips == {"control": 6, "memory_ports": 4}
    assert (first.low, first.high, second.high) == (0b0110, 0, 0)


def test_registers_are_all_integers() -> None:
    unit = Pair({"control": 0})
    unit.put("high", 5)
    assert unit.registers() == [0, 5]
