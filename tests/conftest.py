"""Seeds that are shown, and threads that leave the cores to the test processes."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest

# Each test process has one core; set before torch and NumPy start their threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="base of all random seeds (default 1)")


def pytest_report_header(config: pytest.Config) -> str:
    return f"random seed: --seed={config.getoption('--seed')}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own: the same in every run, another for each test."""
    base: int = request.config.getoption("--seed")
    result = zlib.crc32(f"{base} {request.node.name}".encode())
    print(f"seed {result} (--seed={base})")
    return result


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """Random numbers from `seed`."""
    return np.random.default_rng(seed)
