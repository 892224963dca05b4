"""Whole test sets through one netlist in Verilator, every output compared; and what takes time."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from benchmarks.columns import COLUMNS, Column
from benchmarks.networks import Network
from benchmarks.resnet20_run import LARGEST, fitted
from pann_hw.commands.console import bar
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.quantise.evaluate import outputs
from pann_hw.report.operating_points import PointRun, run_schedule
from pann_hw.report.verify import difference
from sim.harness import accelerator_verilog, build

__all__ = ["BASE", "Result", "WholeSet", "measure"]

BASE = replace(LARGEST, banks=4)
"""The accelerator before its memories and accumulators are fitted to all networks."""

_COLUMN = COLUMNS["2bit-csd"]
"""How networks are quantised that run."""

_PLAIN = COLUMNS["2bit-csd-plain"]
"""How networks are quantised that are only compiled: in seconds, to as many terms."""


@dataclass(frozen=True)
class WholeSet:
    """A network's samples in the RTL.

    Attributes
    ----------
    network : its title
    samples : that ran
    outputs : of all of them, that were compared with the integer network's in PyTorch
    mismatches : outputs that differ
    first : where the first of them is, what was expected and found; None without mismatches
    accuracy : part of the samples that the RTL classifies as labelled
    cycles : of an inference, predicted from the program
    cycles_mismatched : samples that took other cycles
    per_second : inferences simulated in a second
    counted_per_second : the same where flips are counted, in one simulation; None: not measured
    """

    network: str
    samples: int
    outputs: int
    mismatches: int
    first: str | None
    accuracy: float
    cycles: int
    cycles_mismatched: int
    per_second: float
    counted_per_second: float | None


@dataclass(frozen=True)
class Result:
    """All sets, on one accelerator.

    Attributes
    ----------
    config : of the netlist
    sets : one for each network
    generate_seconds : configuration to Verilog
    build_seconds : Verilog to simulator, with nothing kept from before
    compile_seconds : integer network to linked program, by title of the network
    """

    config: AcceleratorConfig
    sets: tuple[WholeSet, ...]
    generate_seconds: float
    build_seconds: float
    compile_seconds: dict[str, float]

    @property
    def faults(self) -> list[str]:
        """What is not as it must be, a line each."""
        found = [f"{one.network}: {one.first}" for one in self.sets if one.first is not None]
        return found + [
            f"{one.network}: {one.cycles_mismatched} of {one.samples} inferences did not take the "
            f"{one.cycles} cycles predicted"
            for one in self.sets
            if one.cycles_mismatched
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "faults": self.faults}


def measure(
    networks: Sequence[Network],
    compiled: Sequence[Network],
    folder: Path,
    *,
    images: int | None = None,
    threads: int = 2,
    toggles: int = 0,
    base: AcceleratorConfig = BASE,
) -> Result:
    """Quantise all networks, fit one accelerator to them, build it, run every sample.

    Parameters
    ----------
    networks : whose samples run
    compiled : whose compilation alone is timed, besides those
    images : of each set, the first; None: all
    threads : simulations side by side
    toggles : samples of each set that run once more with flips counted; 0: none
    base : the accelerator, with the largest memories
    """
    clock = Clock()
    integers = [_quantised(clock, network, _COLUMN, folder) for network in networks]
    config = clock("fit the accelerator", fitted, integers, ["csd"] * len(integers), base)
    deployments = [
        clock(f"{network.title}: compile", deploy, [integer], ["csd"], config)
        for network, integer in zip(networks, integers, strict=True)
    ]
    for network in compiled:
        integer = _quantised(clock, network, _PLAIN, folder)
        own = fitted([integer], ["csd"], base)
        clock(f"{network.title}: compile", deploy, [integer], ["csd"], own)
    clock("generate", accelerator_verilog, config)
    with _nothing_kept():
        clock("build the simulator", build, config)
        sets = [
            _run(network, deployment, _samples(network, folder, images), threads, toggles)
            for network, deployment in zip(networks, deployments, strict=True)
        ]
    seconds = {step.name: step.seconds for step in clock.steps}
    return Result(
        config,
        tuple(sets),
        seconds["generate"],
        seconds["build the simulator"],
        {one.title: seconds[f"{one.title}: compile"] for one in (*networks, *compiled)},
    )


def _quantised(clock: Clock, network: Network, column: Column, folder: Path) -> IntegerNetwork:
    graph, calibration = network.graph(folder), network.calibration(folder)
    return clock(f"{network.title}: quantise", column.quantise, graph, calibration, None)


def _samples(network: Network, folder: Path, count: int | None) -> Data:
    """All samples that the published accuracy is over, or the first of them."""
    parts = [network.load(folder, part, None) for part in network.measured_on]
    classes = [part.y for part in parts if part.y is not None]
    whole = Data(np.concatenate([part.x for part in parts]), np.concatenate(classes))
    return whole.first(count)


@contextmanager
def _nothing_kept() -> Iterator[None]:
    """Simulators are kept in a folder that is empty at first, and goes at the end."""
    before = os.environ.get("PANN_HW_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PANN_HW_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["PANN_HW_CACHE"]
            if before is not None:
                os.environ["PANN_HW_CACHE"] = before


def _run(
    network: Network, deployment: Deployment, data: Data, threads: int, toggles: int
) -> WholeSet:
    (integer,) = deployment.networks
    run, per_second = _timed(network.title, deployment, data.x, threads=threads)
    counted_per_second = None
    if toggles:
        name = f"{network.title}, flips counted"
        _, counted_per_second = _timed(name, deployment, data.x[:toggles], toggles=True)
    output = integer.layers[-1].output
    shape = (len(data), *output.shape)
    expected = outputs(integer, data.x).reshape(shape)
    mismatch = difference("rtl", output.name, expected, run.outputs.reshape(shape))
    return WholeSet(
        network=network.title,
        samples=len(data),
        outputs=run.outputs.size,
        mismatches=0 if mismatch is None else mismatch.count,
        first=None if mismatch is None else str(mismatch),
        accuracy=float((run.outputs.argmax(1) == data.y).mean()),
        cycles=int(run.predicted_cycles[0]),
        cycles_mismatched=int((run.cycles != run.predicted_cycles).sum()),
        per_second=per_second,
        counted_per_second=counted_per_second,
    )


def _timed(
    name: str, deployment: Deployment, x: np.ndarray, *, threads: int = 1, toggles: bool = False
) -> tuple[PointRun, float]:
    """The run of samples, and how many a second were simulated, the program's loading included."""
    begin = time.monotonic()
    ends = []
    with bar(name, len(x)) as step:

        def done() -> None:
            step()
            ends.append(time.monotonic())

        (run,) = run_schedule(deployment, x, [0], toggles=toggles, threads=threads, progress=done)
    return run, len(x) / (max(ends) - begin)
