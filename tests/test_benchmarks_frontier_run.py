"""A point of the frontier on made-up data: its figures, and networks that are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.columns import Column, post_training, uniform
from benchmarks.frontier_run import measure, quantised, samples
from benchmarks.networks import NETWORKS
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.terms import term_count
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.quality import divergence, float_outputs, quality
from pann_hw.quantise.training import Schedule, held_out
from tests.benchmark_data import made_up_folder

COLUMN = post_training("10", "csd", "plain")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return made_up_folder(tmp_path, rng, 800)


def test_held_images_are_neither_calibrated_nor_trained_on(folder: Path) -> None:
    network = NETWORKS["resnet8"]
    found, training = samples(network, folder), network.training(folder)
    assert len(training) == 800 and len(found.calibration) == 512
    indices = [index for index in held_out(800, Schedule()) if index >= 512]
    assert 10 < len(indices) < 80
    np.testing.assert_array_equal(found.held, training.x[indices])
    np.testing.assert_array_equal(found.held_wanted, float_outputs(found.graph, found.held))


def test_figures_are_those_of_the_network(folder: Path) -> None:
    network = NETWORKS["resnet8"]
    found = samples(network, folder)
    held = found.held
    made = COLUMN.quantise(found.graph, found.calibration, None)
    point = measure(made, COLUMN, found)
    assert point.quality == quality(made, found.test.x, found.test.y, found.wanted)
    assert point.divergence == divergence(made, found.test.x, found.wanted)
    assert point.held_divergence == divergence(made, held, found.held_wanted)
    assert point.held_agreement == quality(made, held, None, found.held_wanted).agreement
    assert point.flips_per_mac == COLUMN.flips(made) <= 10
    weights = [
        (source.weights, layer.output.shape[1] * layer.output.shape[2])
        for layer in made.layers
        if isinstance(layer, Accumulate)
        for source in layer.sources
    ]
    terms = sum(term_count(one, 3) * positions for one, positions in weights)
    assert point.terms == pytest.approx(terms / made.macs)
    assert point.plain()["column"] == "10-csd-plain"


def test_networks_are_kept_while_the_same_decides_them(folder: Path) -> None:
    network, kept = NETWORKS["resnet8"], folder / "kept"
    found = samples(network, folder)
    made: list[str] = []

    def counted(column: Column) -> Column:
        def quantise(graph: FloatGraph, calibration: Data, training: Data | None) -> IntegerNetwork:
            made.append(column.name)
            return column.quantise(graph, calibration, training)

        return replace(column, quantise=quantise)

    one, other = counted(COLUMN), counted(uniform(3, signed=True))
    first = quantised(network, one, folder, kept, found)
    again = quantised(network, one, folder, kept, found)
    assert made == ["10-csd-plain"]
    assert measure(first, one, found).plain() == measure(again, one, found).plain()
    quantised(network, other, folder, kept, found)
    changed = replace(one, settings={**one.settings, "budget": "9"})
    quantised(network, changed, folder, kept, found)
    assert made == ["10-csd-plain", "signed-3bit", "10-csd-plain"]
    names = {"10-csd-plain.npz", "10-csd-plain.json", "signed-3bit.npz", "signed-3bit.json"}
    assert {path.name for path in kept.iterdir()} == names
    (kept / "signed-3bit.json").write_text("{")
    quantised(network, other, folder, kept, found)
    assert made[-1] == "signed-3bit"
