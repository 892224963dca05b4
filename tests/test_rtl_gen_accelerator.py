"""The whole accelerator in cocotb, on small networks, against the integer reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.benches.run import run_accelerator
from sim.benches.units import BEATS
from tests.accelerator_cases import Maker, residual, save_cases, strided


@pytest.fixture
def case_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Program 0: a network at two operating points; program 1: another network."""
    points = [(residual(Maker(rng, 6, 1.5)), "csd"), (residual(Maker(rng, 3, 0.7)), "unary")]
    other = [(strided(Maker(rng, 4, 1.0)), "csd")]
    return save_cases(tmp_path / "cases.npz", BEATS, [points, other], rng)


def test_bench(case_file: Path, seed: int) -> None:
    run_accelerator(seed, {"ACCELERATOR_CASES": str(case_file)})
