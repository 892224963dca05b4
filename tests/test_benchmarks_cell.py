"""A cell on made-up data: its figures against their definitions, and what decides it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cell import _CODE, _ROOT, applies, code_digest, deciders, measure
from benchmarks.columns import COLUMNS
from benchmarks.networks import NETWORKS
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import predict
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.quality import float_outputs
from tests.benchmark_data import made_up_folder, save_network

PLAIN = COLUMNS["2bit-csd-plain"]


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return made_up_folder(tmp_path, rng)


def test_figures_are_those_of_the_quantised_network(folder: Path) -> None:
    network = NETWORKS["mnist_cnn"]
    cell = measure(network, PLAIN, folder)
    graph, test = network.graph(folder), network.test(folder)
    quantised = PLAIN.quantise(graph, network.calibration(folder), None)
    classes = predict(quantised, test.x)
    float_classes = float_outputs(graph, test.x).argmax(1)
    assert test.y is not None
    assert cell.float_accuracy == (float_classes == test.y).mean()
    assert cell.quality.accuracy == (classes == test.y).mean()
    assert cell.quality.agreement == (classes == float_classes).mean()
    assert (cell.network, cell.column) == ("mnist_cnn", "2bit-csd-plain")
    assert (cell.calibrated, cell.tested) == (40, 30)
    assert 0 < cell.flips_per_mac <= 10
    assert 2 <= cell.bits <= 8 and cell.additions > 0
    assert 0 < cell.import_seconds < 60 and 0 < cell.seconds < 60
    assert cell.peak_megabytes > 50


def test_without_classes_the_error_alone_counts(folder: Path) -> None:
    cell = measure(NETWORKS["autoencoder"], PLAIN, folder)
    assert cell.float_accuracy is None and cell.quality.accuracy is None
    assert 0 < cell.quality.error < 0.5
    assert (cell.calibrated, cell.tested) == (512, 1024)


def test_training_data_are_loaded_for_columns_that_train(folder: Path) -> None:
    network, seen = NETWORKS["dscnn"], []

    def quantise(graph: FloatGraph, calibration: Data, training: Data | None) -> IntegerNetwork:
        seen.append(None if training is None else len(training))
        return PLAIN.quantise(graph, calibration, training)

    for trains in (False, True):
        measure(network, replace(PLAIN, quantise=quantise, trains=trains), folder)
    assert seen == [None, len(network.training(folder))]


def test_networks_that_do_not_train_have_no_cells_of_training() -> None:
    training = replace(PLAIN, trains=True)
    for network in (NETWORKS["resnet8"], NETWORKS["dscnn"]):
        assert applies(network, PLAIN)
        assert applies(network, training) == network.trains
    assert NETWORKS["resnet8"].trains and not NETWORKS["dscnn"].trains


def test_what_cannot_be_imported_is_refused(folder: Path) -> None:
    network = NETWORKS["dscnn"]
    (folder / network.file).write_bytes(b"no network")
    with pytest.raises(InputError, match=network.file):
        measure(network, PLAIN, folder)


def test_files_and_settings_decide(folder: Path, rng: np.random.Generator) -> None:
    network = NETWORKS["mnist_cnn"]
    first = deciders(network, PLAIN, folder)
    assert first == deciders(network, PLAIN, folder) == json.loads(json.dumps(first))
    assert first != deciders(network, COLUMNS["2bit-csd"], folder)
    save_network(folder / network.file, (1, 28, 28), rng)
    assert first != deciders(network, PLAIN, folder)


def test_code_has_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = code_digest()
    assert digest == code_digest() and len(digest) == 16
    # Whatever is listed is there.
    assert all(list(_ROOT.glob(pattern)) for pattern in _CODE)
    monkeypatch.setattr("benchmarks.cell._ROOT", tmp_path)
    found = {digest, code_digest()}
    for name, text in (("cell", ""), ("columns", ""), ("columns", "1"), ("other", "")):
        (tmp_path / "benchmarks").mkdir(exist_ok=True)
        (tmp_path / "benchmarks" / f"{name}.py").write_text(text)
        found.add(code_digest())
    assert len(found) == 5  # the last one says nothing about cells
