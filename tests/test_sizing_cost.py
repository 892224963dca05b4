"""Costs, and the estimators that make them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pann_hw.energy.inference import ClassEnergy
from pann_hw.energy.memories import MemoryEnergy
from pann_hw.sizing import cost
from pann_hw.sizing.cost import Cost, Part, by_coefficients, by_gates

SECONDS = 1e-3

FOUND = SimpleNamespace(
    classes=(
        ClassEnergy("lanes", 100.0, 1.5, 30.0, 5e6 * SECONDS, 5.0, 12.0),
        ClassEnergy("control", 10.0, 1.0, 3.0, 1e6 * SECONDS, 1.0, 7.0),
    ),
    memories=(MemoryEnergy("activations_0", 16, 64, 3.0, 4.0, 50.0, 2e6 * SECONDS),),
    seconds=SECONDS,
)


def test_energy() -> None:
    found = Cost({"lanes": Part(1e3, 2.0)}, {"activations_0": Part(5e2, 1.0)}, 1.0, None)
    # 1 nW for 1 s is 1 nJ, 1e6 fJ.
    assert found.energy(2.0, memories=False) == pytest.approx(1e3 + 4e6)
    assert found.energy(2.0, memories=True) == pytest.approx(1.5e3 + 6e6)


def check(found: Cost, fastest: float | None) -> None:
    """All of FOUND, and at another clock only leakage differs."""
    assert found.cells["lanes"].dynamic == pytest.approx(180)
    assert found.cells["lanes"].leakage == 5.0
    assert found.memories["activations_0"].dynamic == 50
    assert found.memories["activations_0"].leakage == pytest.approx(2.0)
    assert found.area == 19
    assert found.fastest == fastest
    total = sum(one.energy for one in FOUND.classes)
    assert found.energy(SECONDS, memories=False) == pytest.approx(total)
    memories = found.energy(SECONDS, memories=True) - total
    assert memories == pytest.approx(FOUND.memories[0].energy)
    longer = found.energy(3 * SECONDS, memories=True) - found.energy(SECONDS, memories=True)
    assert longer == pytest.approx(2 * 8e6 * SECONDS)


def test_by_coefficients(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    def estimate(*args: Any, **named: Any) -> object:
        called.append((args, named))
        return FOUND

    monkeypatch.setattr(cost, "estimate", estimate)
    x = np.zeros((1, 1, 2, 2), np.float32)
    deployment: Any = object()
    check(by_coefficients("sky130", x)(deployment, 2e6), None)
    assert called == [((deployment, "sky130", x), {"clock": 2e6})]


@pytest.mark.parametrize(("clock", "run_at"), [(2e6, 2e6), (900e6, 100e6)])
def test_by_gates(clock: float, run_at: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is too fast for the gates is not an error of the estimator."""
    called: list[Any] = []

    def inference_energy(*_: Any, **named: Any) -> object:
        called.append(named)
        return FOUND

    monkeypatch.setattr(cost, "gate_design", lambda *_: SimpleNamespace(critical_path=1e4))
    monkeypatch.setattr(cost, "inference_energy", inference_energy)
    library: Any = object()
    deployment: Any = object()
    x = np.zeros((1, 1, 2, 2), np.float32)
    check(by_gates(library, [Path("a.lib")], None, x, 8)(deployment, clock), 1e8)
    assert called == [{"clock": run_at, "windows": 8}]
