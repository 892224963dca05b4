"""What a known cost says of other hardware and budgets."""

from __future__ import annotations

import pytest

from pann_hw.energy.classes import CLASSES
from pann_hw.sizing.cost import Cost, Part
from pann_hw.sizing.hardware import Hardware
from pann_hw.sizing.scaling import scaled, variable_energy

COST = Cost(
    {name: Part(100.0, 10.0) for name in CLASSES},
    {
        "array.term_memory_0": Part(100.0, 10.0),
        "activations_1": Part(100.0, 10.0),
        "array.descriptors": Part(100.0, 10.0),
    },
    5.0,
    None,
)


def test_the_same_hardware() -> None:
    hardware = Hardware("csd", 32, 1)
    assert scaled(COST, (hardware, 1000), (hardware, 1000)) == COST


def test_more_cores() -> None:
    """Each runs its own stream; windows are fetched once for all."""
    found = scaled(COST, (Hardware("csd", 32, 1), 1000), (Hardware("csd", 32, 4), 300))
    dynamic = {name: part.dynamic for name, part in found.cells.items()}
    assert dynamic["lanes"] == dynamic["operand select"] == dynamic["requantiser"] == 100
    assert dynamic["term stream"] == pytest.approx(120)
    assert dynamic["row buffer"] == dynamic["fetch"] == dynamic["control"] == pytest.approx(30)
    leakage = {name: part.leakage for name, part in found.cells.items()}
    assert leakage["lanes"] == leakage["term stream"] == 40
    assert leakage["row buffer"] == leakage["control"] == 10
    memories = {name: part.dynamic for name, part in found.memories.items()}
    assert memories["array.term_memory_0"] == pytest.approx(120)
    assert memories["activations_1"] == memories["array.descriptors"] == pytest.approx(30)


def test_more_lanes() -> None:
    """One stream serves them all; windows are wider."""
    found = scaled(COST, (Hardware("csd", 16, 1), 1000), (Hardware("csd", 32, 1), 520))
    dynamic = {name: part.dynamic for name, part in found.cells.items()}
    assert dynamic["term stream"] == dynamic["control"] == pytest.approx(52)
    assert dynamic["fetch"] == dynamic["row buffer"] == pytest.approx(104)
    assert found.cells["lanes"].leakage == found.cells["fetch"].leakage == 20
    assert found.memories["array.term_memory_0"].dynamic == pytest.approx(52)


def test_variable_energy() -> None:
    """All but windows, requantising and pooling."""
    assert variable_energy(COST, memories=False) == 500
    assert variable_energy(COST, memories=True) == 700
