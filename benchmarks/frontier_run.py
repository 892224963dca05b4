"""One point of the frontier: a network made in one way, kept, and what its weights come to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.cell import deciders
from benchmarks.columns import Column
from benchmarks.networks import Network
from pann_hw.config import AcceleratorConfig
from pann_hw.files import whole_file
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.store import load, save
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import mean_additions, mean_bits, mean_terms, zero_share
from pann_hw.quantise.quality import Quality, divergence, float_outputs, quality
from pann_hw.quantise.training import Schedule, held_out

__all__ = ["Point", "Samples", "measure", "quantised", "samples"]


@dataclass(frozen=True, eq=False)
class Samples:
    """A float network, and its data.

    Attributes
    ----------
    graph : the float network
    calibration, training, test : as the network's loaders give them
    held : training images on which no network is calibrated or trained
    wanted, held_wanted : float outputs for the test and the held images
    """

    graph: FloatGraph
    calibration: Data
    training: Data
    test: Data
    held: np.ndarray
    wanted: np.ndarray
    held_wanted: np.ndarray


@dataclass(frozen=True)
class Point:
    """What a network gives and takes.

    Attributes
    ----------
    column : its name
    quality : over the test images
    divergence : from the float network's class probabilities, in nats, over the test images
    held_divergence : over the held images
    held_agreement : part of the held images classified as by the float network
    bits, additions, terms : bx, R, and CSD terms per weight, means over MACs
    zeros : part of the weights that are 0, over MACs
    flips_per_mac : as the column counts them
    """

    column: str
    quality: Quality
    divergence: float
    held_divergence: float
    held_agreement: float
    bits: float
    additions: float
    terms: float
    zeros: float
    flips_per_mac: float

    def plain(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)


def samples(network: Network, folder: Path) -> Samples:
    """All that the points of a network share.

    Raises
    ------
    InputError : the float network cannot be imported
    """
    graph = network.graph(folder)
    calibration, training = network.calibration(folder), network.training(folder)
    test = network.test(folder)
    # Calibration has the first of the training images.
    indices = held_out(len(training), Schedule())
    held = training.x[indices[indices >= len(calibration)]]
    return Samples(
        graph, calibration, training, test, held,
        float_outputs(graph, test.x), float_outputs(graph, held),
    )  # fmt: skip


def quantised(
    network: Network, column: Column, folder: Path, kept: Path, data: Samples
) -> IntegerNetwork:
    """The network of a column: the one in folder ``kept`` where the same decides it, or a new one.

    ``kept`` gets ``COLUMN.npz``, an integer network, and ``COLUMN.json``, what decides it.

    Raises
    ------
    InputError : the network cannot be quantised so, or a file cannot be written
    """
    path, about = kept / f"{column.name}.npz", kept / f"{column.name}.json"
    decided = deciders(network, column, folder)
    if path.is_file() and _read(about) == decided:
        return load(path)
    made = column.quantise(data.graph, data.calibration, data.training)
    kept.mkdir(parents=True, exist_ok=True)
    save(made, path)
    with whole_file(about) as part:
        part.write_text(json.dumps(decided, indent=1) + "\n")
    return made


def measure(network: IntegerNetwork, column: Column, data: Samples) -> Point:
    """A network's point."""
    held = quality(network, data.held, None, data.held_wanted)
    return Point(
        column=column.name,
        quality=quality(network, data.test.x, data.test.y, data.wanted),
        divergence=divergence(network, data.test.x, data.wanted),
        held_divergence=divergence(network, data.held, data.held_wanted),
        held_agreement=held.agreement,
        bits=mean_bits(network),
        additions=mean_additions(network),
        terms=mean_terms(network, AcceleratorConfig().max_shift),
        zeros=zero_share(network),
        flips_per_mac=column.flips(network),
    )


def _read(path: Path) -> Mapping[str, object] | None:
    try:
        found: Mapping[str, object] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found
