"""The networks of the benchmarks: files of a data folder, their data, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets import (
    CIFAR10,
    KEYWORDS,
    MNIST,
    Loader,
    cifar10,
    cifar10_normalised,
    keywords,
    machine_sounds,
    mnist,
)
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.network.onnx_import import import_onnx

__all__ = ["CALIBRATION", "NETWORKS", "Network"]

CALIBRATION = 512
"""Samples that calibrate, at most."""


@dataclass(frozen=True)
class Network:
    """A trained network and the data to measure it with.

    Attributes
    ----------
    name : on the command line
    title : in tables
    file : ONNX
    data_file : what ``load`` reads; None where data are drawn
    load : the data's loader
    accuracy : of the float network as published beside the file, in %; None without classes
    measured_on : the parts of the data that this accuracy is over
    trains : whether there are enough training samples with classes to train on; MNIST has, but
        nothing to gain
    source : where the network comes from
    licence : of the network
    """

    name: str
    title: str
    file: str
    data_file: str | None
    load: Loader
    accuracy: float | None
    measured_on: tuple[str, ...]
    source: str
    licence: str
    trains: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """All that the network needs of the data folder."""
        return (self.file,) if self.data_file is None else (self.file, self.data_file)

    def graph(self, folder: Path) -> FloatGraph:
        """The float network.

        Raises
        ------
        InputError : as import_onnx()
        """
        return import_onnx(folder / self.file)

    def calibration(self, folder: Path) -> Data:
        """The first 512 training samples, or as many as there are."""
        return self.load(folder, "train", CALIBRATION)

    def training(self, folder: Path) -> Data:
        """All training samples, those of calibration first."""
        return self.load(folder, "train", None)

    def test(self, folder: Path) -> Data:
        """What accuracy is measured on, and nothing else is done with."""
        return self.load(folder, "test", None)


_ALL = (
    Network(
        name="resnet8",
        title="ResNet-8",
        file="mlperf_tiny_resnet8_cifar10.onnx",
        data_file=CIFAR10,
        load=cifar10,
        accuracy=88.00,
        measured_on=("test",),
        source="mlcommons/tiny, image classification",
        licence="Apache-2.0",
        trains=True,
    ),
    Network(
        name="resnet20",
        title="ResNet-20",
        file="resnet20_cifar10_akamaster.onnx",
        data_file=CIFAR10,
        load=cifar10_normalised,
        accuracy=91.64,
        measured_on=("test",),
        source="akamaster/pytorch_resnet_cifar10",
        licence="BSD-2-Clause",
        trains=True,
    ),
    Network(
        name="dscnn",
        title="DS-CNN",
        file="mlperf_tiny_dscnn_kws_bn.onnx",
        data_file=KEYWORDS,
        load=keywords,
        accuracy=90.4,
        measured_on=("train", "test"),
        source="mlcommons/tiny, keyword spotting",
        licence="Apache-2.0",
    ),
    Network(
        name="autoencoder",
        title="Autoencoder",
        file="mlperf_tiny_ad_autoencoder.onnx",
        data_file=None,
        load=machine_sounds,
        accuracy=None,
        measured_on=(),
        source="mlcommons/tiny, anomaly detection",
        licence="Apache-2.0",
    ),
    Network(
        name="mnist_cnn",
        title="MNIST CNN",
        file="mnist_cnn_winml.onnx",
        data_file=MNIST,
        load=mnist,
        accuracy=98.91,
        measured_on=("test",),
        source="microsoft/Windows-Machine-Learning",
        licence="MIT",
    ),
)

NETWORKS = {network.name: network for network in _ALL}
"""By the names that the command line takes."""
