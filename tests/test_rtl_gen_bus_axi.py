"""The accelerator behind AXI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtl_gen.bus.axi import AxiAccelerator
from sim.benches.run import run_bus
from sim.benches.units import BEATS
from tests.accelerator_cases import Maker, pointwise, save_cases


@pytest.fixture
def case_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two programs of one short layer, the first at two operating points."""
    points = [(pointwise(Maker(rng, 6, 1.5)), "csd"), (pointwise(Maker(rng, 3, 0.7)), "unary")]
    other = [(pointwise(Maker(rng, 4, 1.0)), "csd")]
    return save_cases(tmp_path / "cases.npz", BEATS, [points, other], rng)


@pytest.mark.parametrize("seeds", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_bench(case_file: Path, seed: int, seeds: int) -> None:
    env = {"ACCELERATOR_CASES": str(case_file), "BUS_SEEDS": str(seeds)}
    run_bus(AxiAccelerator(BEATS), "axi", seed, env)
