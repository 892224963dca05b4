"""Networks compiled for 8 cores of 32 lanes: cycles, use of the adders, compile time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from benchmarks.networks import Network
from benchmarks.resnet20_run import LARGEST, fitted
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import quantise_input
from pann_hw.machine.cycles import linear_words
from pann_hw.machine.machine import Machine
from pann_hw.program.deployment import deploy
from pann_hw.quantise.post_training import quantise
from pann_hw.quantise.recipe import PLAIN
from pann_hw.report.utilisation import LayerUse, joined, layer_uses

__all__ = ["BITS", "BUDGET", "Case", "measure"]

BITS, BUDGET = 4, 10.0
"""Width of activations, and flips per MAC: R = 10 / 4 - 1/2 = 2 unary additions per weight."""


@dataclass(frozen=True)
class Case:
    """One network on one accelerator.

    Attributes
    ----------
    network : its name
    macs : multiply-accumulates that the float network has
    config : memories and accumulators fitted to the program
    cycles : of an inference alone, from start to done
    interval : cycles from the end of an inference to the end of the next, which is started early
    uses : of every layer
    compile_seconds : integer network to linked image
    model_seconds : for the schedule of an inference alone
    """

    network: str
    macs: int
    config: AcceleratorConfig
    cycles: int
    interval: int
    uses: tuple[LayerUse, ...]
    compile_seconds: float
    model_seconds: float

    @property
    def whole(self) -> LayerUse:
        """All layers together."""
        return joined("all", self.uses)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "whole": asdict(self.whole)}


def measure(
    networks: Sequence[Network], folder: Path, banks: Sequence[int], terms_per_rail: Sequence[int]
) -> Iterator[Case]:
    """Every network, quantised once, on every accelerator of those banks and terms.

    Weights are rounded to nearest for unary terms at the 2-bit budget, and compiled to CSD terms.
    """
    clock = Clock()
    for network in networks:
        graph = network.graph(folder)
        x = network.calibration(folder).x
        integers = clock(f"{network.title}: quantise", quantise, graph, x, BITS, BUDGET, 0, PLAIN)
        for number in banks:
            for terms in terms_per_rail:
                base = replace(
                    LARGEST,
                    banks=number,
                    terms_per_rail=terms,
                    requantise_lanes=number * LARGEST.lanes,
                    weight_words=16384,
                    weight_width=8,
                )
                yield _case(clock, network, integers, base, x[:1])


def _case(
    clock: Clock,
    network: Network,
    integers: IntegerNetwork,
    base: AcceleratorConfig,
    x: np.ndarray,
) -> Case:
    name = f"{network.title}, {base.banks} banks, {base.terms_per_rail} terms per rail"
    config = fitted([integers], ["csd"], base)
    deployment = clock(f"{name}: compile", deploy, [integers], ["csd"], config)
    compile_seconds = clock.steps[-1].seconds
    (words,) = linear_words(deployment.programs[0], quantise_input(integers, x))
    schedule = clock(f"{name}: schedule", Machine(deployment.image).run, 0, words)
    model_seconds = clock.steps[-1].seconds
    uses = layer_uses(deployment.programs[0], schedule)
    _, interval = Machine(deployment.image).intervals([0, 0], words * 2)
    return Case(
        network.name,
        integers.macs,
        config,
        schedule.cycles,
        interval,
        tuple(uses),
        compile_seconds,
        model_seconds,
    )
