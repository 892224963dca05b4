"""The steps of the ResNet-20 benchmark: import, quantise, compile, generate, simulate, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clock import Clock
from benchmarks.networks import NETWORKS
from benchmarks.resnet20_network import load_module
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import quantise_input
from pann_hw.machine.cycles import linear_words
from pann_hw.machine.machine import Machine
from pann_hw.machine.sizing import fit
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import deploy
from pann_hw.quantise.evaluate import outputs
from pann_hw.quantise.quality import float_outputs
from pann_hw.quantise.search import Candidate, best, search
from pann_hw.report.utilisation import layer_uses
from pann_hw.report.verify import verify
from sim.harness import accelerator_verilog, build

__all__ = ["fitted", "run"]

LARGEST = AcceleratorConfig(
    lanes=32,
    cores=8,
    rails=2,
    low_bits=5,
    window_slots=16,
    input_elements=4,
    accumulator_width=32,
    activation_words=65536,
    term_words=65536,
    descriptor_words=65536,
)
"""The accelerator before its memories and accumulators are fitted to the programs."""

POINTS = [(budget, encoding) for budget in ("2bit", "3bit") for encoding in ("unary", "csd")]


@dataclass(frozen=True, eq=False)
class Point:
    """A network at a budget, in an encoding, and its raw outputs for the test images."""

    budget: str
    encoding: str
    chosen: Candidate
    outputs: np.ndarray


def fitted(
    networks: Sequence[IntegerNetwork], encodings: Sequence[str], base: AcceleratorConfig
) -> AcceleratorConfig:
    """``base`` with accumulators and memories (powers of two) that just hold each network."""
    configs = [fit(n, e, base).config for n, e in zip(networks, encodings, strict=True)]
    return replace(
        base,
        accumulator_width=max(config.accumulator_width for config in configs),
        activation_words=_power(max(config.activation_words for config in configs)),
        term_words=_power(max(config.term_words for config in configs)),
        descriptor_words=_power(max(config.descriptor_words for config in configs)),
    )


def _power(words: int) -> int:
    """The smallest power of two that is at least ``words`` and 64."""
    return 1 << max(words - 1, 63).bit_length()


def run(folder: Path, images: int) -> dict[str, Any]:
    """The whole benchmark, with the first ``images`` test images simulated."""
    clock = Clock()
    network = NETWORKS["resnet20"]
    train, test = network.calibration(folder), network.test(folder)
    graph = clock("import", import_module, load_module(folder), torch.from_numpy(test.x[:2]))
    wanted = clock("float network, test images", float_outputs, graph, test.x).argmax(1)
    points = [_point(clock, graph, train, test, *names) for names in POINTS]
    networks = [point.chosen.network for point in points]
    encodings = [point.encoding for point in points]
    config = clock("fit the accelerator", fitted, networks, encodings, LARGEST)
    verilog = clock("generate", accelerator_verilog, config)
    clock("build the simulator", build, config)
    rows = [_run_point(clock, point, config, test, wanted, images) for point in points]
    return {
        "test_images": len(test),
        "float_accuracy": float((wanted == test.y).mean()),
        "simulated_images": images,
        "macs": networks[0].macs,
        "mismatches": sum(row["mismatches"] for row in rows),
        "parameters": asdict(config),
        "verilog_bytes": len(verilog),
        "points": rows,
        "steps": [asdict(step) for step in clock.steps],
    }


def _point(
    clock: Clock, graph: FloatGraph, train: Data, test: Data, budget: str, encoding: str
) -> Point:
    shift = LARGEST.shift if encoding == "csd" else 0
    name = f"{budget} {encoding}"
    chosen = best(clock(f"{name}: search", search, graph, train.x, train.y, budget, shift))
    found = clock(f"{name}: test images", outputs, chosen.network, test.x)
    return Point(budget, encoding, chosen, found)


def _run_point(
    clock: Clock,
    point: Point,
    config: AcceleratorConfig,
    test: Data,
    wanted: np.ndarray,
    images: int,
) -> dict[str, Any]:
    name, x = f"{point.budget} {point.encoding}", test.x[:images]
    deployment = clock(f"{name}: compile", deploy, [point.chosen.network], [point.encoding], config)
    (program,) = deployment.programs
    words = linear_words(program, quantise_input(point.chosen.network, x[:1]))[0]
    schedule = clock(f"{name}: predict cycles", Machine(deployment.image).run, 0, words)
    clock(f"{name}: simulate", verify, deployment, x, levels=False)
    (result,) = clock(f"{name}: simulate, compare, count", verify, deployment, x, toggles=True)
    classes = point.outputs.argmax(1)
    return {
        "budget": point.budget,
        "encoding": point.encoding,
        "bx": point.chosen.bits,
        "R": point.chosen.additions,
        "flips_per_mac": point.chosen.flips_per_mac,
        "accuracy": float((classes == test.y).mean()),
        "agreement": float((classes == wanted).mean()),
        "compared": result.compared,
        "mismatches": result.mismatched + int((result.outputs != point.outputs[:images]).sum()),
        "first": [str(mismatch) for mismatch in result.mismatches],
        "cycles_predicted": schedule.cycles,
        "cycles_counted": result.cycles.tolist(),
        "toggles": {
            kind: {"predicted": result.predicted[kind], "counted": counted}
            for kind, counted in result.counted.items()
        },
        "layers": [asdict(use) for use in layer_uses(program, schedule)],
    }
