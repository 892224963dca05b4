"""Budgets: clocks, and what is compared with the limit."""

from __future__ import annotations

import pytest

from pann_hw.errors import InputError
from pann_hw.sizing.cost import Cost, Part
from pann_hw.sizing.goal import Goal, slowest_clock

COST = Cost({"lanes": Part(1e6, 100.0)}, {"array.term_memory_0": Part(2e6, 50.0)}, 1.0, None)
"""1 nJ and 100 nW of cells, 2 nJ and 50 nW of memories."""


@pytest.mark.parametrize(
    ("rate", "clock"),
    [(1e6, 1e6), (1.0001e6, 1.01e6), (999.1e3, 1e6), (123456.0, 124e3), (4750800.0, 4.76e6)],
)
def test_slowest_clock(rate: float, clock: float) -> None:
    found = slowest_clock(rate)
    assert found == pytest.approx(clock)
    assert found >= rate * (1 - 1e-12)
    assert float(f"{found / 1e6:g}") * 1e6 == found


def test_power_is_of_inferences_without_a_pause() -> None:
    goal = Goal(1e-3, "W", 100.0, 50e6)
    clock = goal.clock(10_000)
    assert clock == 1e6
    assert goal.amount(COST, 10_000, clock) == pytest.approx(3e-9 * 100 + 150e-9)
    cells = Goal(1e-3, "W", 100.0, 50e6, memories=False)
    assert cells.amount(COST, 10_000, clock) == pytest.approx(1e-9 * 100 + 100e-9)


def test_energy_has_leakage_in_it() -> None:
    goal = Goal(1e-6, "J", None, 1e6)
    assert goal.clock(10_000) == 1e6
    assert goal.amount(COST, 10_000, 1e6) == pytest.approx(3e-9 + 150e-9 / 100)


def test_reachable() -> None:
    goal = Goal(1e-3, "W", 100.0, 1e6)
    assert goal.reachable(10_000)
    assert not goal.reachable(10_001)


@pytest.mark.parametrize(
    ("fps", "fastest", "message"),
    [
        (None, 1e6, "needs a rate, --fps"),
        (0.0, 1e6, "fps 0: must be above 0"),
        (float("nan"), 1e6, "fps nan: must be above 0"),
        (30.0, 0.0, "clock 0 MHz: must be above 0"),
        (30.0, float("nan"), "clock nan MHz: must be above 0"),
    ],
)
def test_refused(fps: float | None, fastest: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Goal(1e-3, "W", fps, fastest)
