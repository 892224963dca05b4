"""A core of 32 lanes, with all that is around it, mapped and simulated gate by gate."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from pann_hw.config import AcceleratorConfig
from pann_hw.energy.inference import gate_design, inference_energy
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.program.deployment import deploy
from pann_hw.technology.known import Technology
from pann_hw.technology.liberty import read_library

__all__ = ["CONFIG", "CYCLES", "MOST_MEGABYTES", "MOST_SECONDS", "Case", "convolution", "measure"]

MOST_SECONDS, MOST_MEGABYTES = 120, 4096
"""What is asked: of mapping, of the energy of `CYCLES` cycles, and of memory."""

CYCLES = 2000

CONFIG = AcceleratorConfig(
    lanes=32, cores=1, activation_words=4096, term_words=65536, descriptor_words=8192
)


@dataclass(frozen=True)
class Case:
    """One library.

    Attributes
    ----------
    technology : its name
    cells : of the mapped accelerator
    area : square micrometres
    mapping : seconds
    cycles : of the inference
    energy : nJ per inference, of all cells without glitches
    energy_seconds : what `CYCLES` cycles' energy takes: netlist, delays, tables, simulation
    megabytes : largest resident set of a process
    mismatches : outputs that are not those of the integer network
    """

    technology: str
    cells: int
    area: float
    mapping: float
    cycles: float
    energy: float
    energy_seconds: float
    megabytes: int
    mismatches: int

    @property
    def faults(self) -> list[str]:
        """What is wrong, or more than is asked, a line each."""
        asked = (
            ("s for mapping", self.mapping, MOST_SECONDS),
            (f"s for {CYCLES} cycles", self.energy_seconds, MOST_SECONDS),
            ("MB", self.megabytes, MOST_MEGABYTES),
            ("outputs differ", self.mismatches, 0),
        )
        return [f"{found:.0f} {what}, asked {most}" for what, found, most in asked if found > most]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "faults": self.faults}


def convolution() -> IntegerNetwork:
    """3 x 3 weights of magnitude 0..7, 3 maps of 32 x 32 in, 8 out, as sums."""
    rng = np.random.default_rng(0)
    weight = np.rint(rng.laplace(0, 1.5, (8, 3, 3, 3))).clip(-7, 7).astype(np.int64)
    x = Tensor("x", (3, 32, 32), 4)
    output = Tensor("output", (8, 32, 32), 4)
    source = Source("x", weight, padding=(1, 1))
    bias = rng.integers(-50, 51, 8)
    return IntegerNetwork(x, (Accumulate(output, (source,), bias, None, 0),))


def measure(technology: Technology, files: list[Path], clock: Clock) -> Case:
    """Map, simulate one inference without delays, and add up."""
    network = convolution()
    deployment = deploy([network], ["csd"], CONFIG)
    library = read_library(files)
    with _empty_cache():
        clock(f"{technology.name}: mapping", gate_design, deployment, library, files, technology)
        mapping = clock.steps[-1]
        # What was mapped is in the cache now: what is left is the netlist's tables.
        design = clock(
            f"{technology.name}: tables", gate_design, deployment, library, files, technology
        )
        tables = clock.steps[-1]
        found = clock(
            f"{technology.name}: simulating", inference_energy, deployment, design,
            _images(network), windows=0, clock=1e6,
        )  # fmt: skip
        simulating = clock.steps[-1]
    return Case(
        technology.name,
        found.cells,
        design.area,
        mapping.seconds,
        found.cycles,
        found.energy / 1e6,
        tables.seconds + simulating.seconds * CYCLES / found.cycles,
        simulating.peak_megabytes,
        found.mismatches,
    )


def _images(network: IntegerNetwork) -> np.ndarray:
    x = network.input
    values = np.random.default_rng(1).integers(0, 16, (1, *x.shape))
    return ((values - x.zero_point) * x.scale).astype(np.float32)


@contextmanager
def _empty_cache() -> Iterator[None]:
    before = os.environ.get("PANN_HW_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PANN_HW_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["PANN_HW_CACHE"]
            else:
                os.environ["PANN_HW_CACHE"] = before
