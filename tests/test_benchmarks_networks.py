"""Descriptions of the networks: what they load, and that tests never see what calibrates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import CIFAR10, DATA, missing
from benchmarks.networks import CALIBRATION, NETWORKS
from tests.benchmark_data import SHAPES, made_up_folder


def test_names_are_those_of_the_scripts() -> None:
    folder = Path(__file__).parent.parent / "benchmarks"
    for name, network in NETWORKS.items():
        assert network.name == name
        assert (folder / f"{name}.py").is_file()
        assert network.source and network.licence


def test_files() -> None:
    assert NETWORKS["resnet8"].files == ("mlperf_tiny_resnet8_cifar10.onnx", CIFAR10)
    assert NETWORKS["autoencoder"].files == ("mlperf_tiny_ad_autoencoder.onnx",)


@pytest.mark.parametrize("name", NETWORKS)
def test_graph_takes_the_data(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    network, folder = NETWORKS[name], made_up_folder(tmp_path, rng)
    graph = network.graph(folder)
    shape = SHAPES[name]
    assert graph.input_shape == (shape if len(shape) == 3 else (*shape, 1, 1))
    calibration, training = network.calibration(folder), network.training(folder)
    test = network.test(folder)
    for data in (calibration, training, test):
        assert data.sample_shape == graph.input_shape
        assert (data.y is None) == (network.accuracy is None)
    assert len(calibration) == min(CALIBRATION, len(training))
    assert np.array_equal(calibration.x, training.x[: len(calibration)])


@pytest.mark.parametrize("name", NETWORKS)
def test_no_test_sample_is_among_the_training_samples(name: str) -> None:
    network = NETWORKS[name]
    lacking = missing(DATA, network.files)
    if lacking:
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    seen = {row.tobytes() for row in network.training(DATA).x}
    assert not seen & {row.tobytes() for row in network.test(DATA).x}
