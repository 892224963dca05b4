"""A cell is measured once: again only where something that decides it has changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import benchmarks.core_energy_run as run
from benchmarks.core_energy_designs import DESIGNS
from benchmarks.core_energy_run import Cell, measured
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.technology.known import TECHNOLOGIES
from tests.random_networks import NetworkBuilder


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    b = NetworkBuilder(np.random.default_rng(1), (3, 8, 8), 4)
    b.accumulate(b.convolution("x", 4, (3, 3), padding=(1, 1)), raw=True)
    return b.network()


def test_kept_cells(
    network: IntegerNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "some.lib"
    library.write_text("library (some) {}")
    data = Data(np.zeros((1, 3, 8, 8), np.float32), None)

    def again() -> Cell:
        return measured(
            DESIGNS["pann"], network, TECHNOLOGIES["sky130"], [library], data, tmp_path,
            clock=1e6, windows=2,
        )  # fmt: skip

    def refuse(*_: object) -> None:
        raise AssertionError("measured anew")

    monkeypatch.setattr(run, "read_library", refuse)
    with pytest.raises(AssertionError, match="measured anew"):
        again()
    kept = Cell("pann", "sky130", 1.0, 2, {"lanes": 3.0}, {}, {}, 0.1, None, 0)
    path = tmp_path / "pann-sky130.json"
    digest = []
    monkeypatch.setattr(run, "_read", lambda at: digest.append(at))
    with pytest.raises(AssertionError, match="measured anew"):
        again()
    assert digest == [path]
    monkeypatch.undo()
    monkeypatch.setattr(run, "read_library", refuse)
    monkeypatch.setattr(run, "_digest", lambda *_: "same")
    path.write_text(json.dumps({"decided": ["same", 1e6, 2], "cell": asdict(kept)}))
    assert again() == kept
    path.write_text(json.dumps({"decided": ["other", 1e6, 2], "cell": asdict(kept)}))
    with pytest.raises(AssertionError, match="measured anew"):
        again()
