"""Published networks as ONNX files: agreement, accuracy, time, and the way to a program."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks.resnet20_network import load_module
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import FloatGraph, Select
from pann_hw.network.onnx_import import import_onnx
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import deploy
from pann_hw.program.interpret import execute
from pann_hw.quantise.post_training import quantise
from tests.random_networks import layer_arrays

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
RESNET20 = "resnet20_cifar10_akamaster"
NETWORKS = {
    "mlperf_tiny_resnet8_cifar10": 88.00,
    RESNET20: 91.64,
    "mlperf_tiny_dscnn_kws_bn": 90.4,
    "mlperf_tiny_ad_autoencoder": None,
    "mnist_cnn_winml": 98.91,
}
"""Accuracy in % on the test data, as published beside the files."""


def path_of(name: str) -> Path:
    path = DATA / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def samples(name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Test data as the network takes it, and its classes."""
    if "cifar10" in name:
        archive = np.load(DATA / "cifar10_lossless.npz")
        x = archive["test_x"].astype(np.float32)
        if name == RESNET20:
            mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
            x = ((x / 255 - mean) / deviation).astype(np.float32)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), archive["test_y"]
    if "kws" in name:
        archive = np.load(DATA / "kws_mfcc_int8.npz")
        x = (archive["x"].astype(np.float32) - 83) * np.float32(0.5847029)
        return x.reshape(-1, 1, 49, 10), archive["y"]
    if "mnist" in name:
        archive = np.load(DATA / "mnist.npz")
        return archive["test_x"][:, None].astype(np.float32), archive["test_y"]
    # Log-mel frames are smooth; levels are in decibels.
    walk = np.random.default_rng(4).standard_normal((200, 640)).cumsum(1)
    return (walk / 2 - 20).astype(np.float32)[:, :, None, None], None


def outputs(graph: FloatGraph, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        parts = [graph.run(torch.from_numpy(x[i : i + 256])) for i in range(0, len(x), 256)]
    return torch.cat(parts).numpy()


def published(path: Path, x: np.ndarray) -> np.ndarray:
    """The outputs of onnxruntime, with its own optimisations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    (source,) = session.get_inputs()
    batch, *view = source.shape
    step = batch if isinstance(batch, int) else 256
    rows = x.reshape(len(x), *view)
    parts = [
        session.run(None, {source.name: rows[i : i + step]})[0] for i in range(0, len(x), step)
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_onnxruntime(name: str) -> None:
    path = path_of(name)
    start = time.perf_counter()
    graph = import_onnx(path)
    seconds = time.perf_counter() - start
    x, y = samples(name)
    found, wanted = outputs(graph, x), published(path, x)
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    print(f"{name}: {seconds:.2f} s, error {error:.1e}")
    assert error <= 1e-4
    assert seconds < 5
    if y is not None:
        assert round(100 * float((found.argmax(1) == y).mean()), 2) == NETWORKS[name]


def test_state_dict_and_onnx_file_are_one_network() -> None:
    path = path_of(RESNET20)
    x, _ = samples(RESNET20)
    graph = import_onnx(path)
    other = import_module(load_module(DATA), torch.from_numpy(x[:2]))
    found, wanted = outputs(other, x[:200]), published(path, x[:200])
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
    shortcuts = [node for node in graph.nodes if isinstance(node, Select)]
    assert [node.stride for node in shortcuts] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if "resnet" in name else name for name in NETWORKS],
)
def test_becomes_a_program(name: str) -> None:
    """Every value of every layer, interpreted from the program, equals the integer network's."""
    graph = import_onnx(path_of(name))
    x, _ = samples(name)
    network = quantise(graph, x[:64], 4, 10.0, max_shift=3)
    config = AcceleratorConfig(
        lanes=32,
        cores=8,
        accumulator_width=32,
        max_stride=4,
        activation_words=65536,
        term_words=65536,
        descriptor_words=65536,
    )
    (program,) = deploy([network], ["csd"], config).programs
    q = quantise_input(network, x[-1:])
    execution = execute(program, q.astype(np.uint8))
    arrays = layer_arrays(network, program, execution.stores, execution.outputs)
    for layer_name, value in run(network, q).items():
        if layer_name != network.input.name:
            assert np.array_equal(arrays[layer_name], value.numpy()), layer_name
