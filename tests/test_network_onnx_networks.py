"""Published networks as ONNX files: agreement, accuracy, time, and the way to a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.accuracy_row import LARGEST_DIFFERENCE
from benchmarks.datasets import DATA, missing
from benchmarks.networks import NETWORKS, Network
from benchmarks.onnx_agreement import difference, runtime_outputs
from benchmarks.resnet20_network import WEIGHTS, load_module
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.interpret import execute
from pann_hw.network.graph import Select
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import deploy
from pann_hw.quantise.post_training import quantise
from pann_hw.quantise.quality import float_outputs
from tests.random_networks import layer_arrays


def at_hand(name: str, *more: str) -> tuple[Network, Path]:
    """A network and the folder that has its files; the test is skipped where it has not."""
    network = NETWORKS[name]
    lacking = missing(DATA, (*network.files, *more))
    if lacking:
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    return network, DATA


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_onnxruntime_and_is_as_accurate_as_published(name: str) -> None:
    network, folder = at_hand(name)
    graph = network.graph(folder)
    right = total = 0
    for part in network.measured_on or ("test",):
        data = network.load(folder, part, None)
        found = float_outputs(graph, data.x)
        wanted = runtime_outputs(folder / network.file, data.x)
        assert difference(found, wanted) <= LARGEST_DIFFERENCE
        if data.y is not None:
            right += int((found.argmax(1) == data.y).sum())
            total += len(data)
    if network.accuracy is not None:
        assert round(100 * right / total, 2) == network.accuracy


def test_state_dict_and_onnx_file_are_one_network() -> None:
    network, folder = at_hand("resnet20", WEIGHTS)
    x = network.load(folder, "test", 200).x
    graph = network.graph(folder)
    other = import_module(load_module(folder), torch.from_numpy(x[:2]))
    found, wanted = float_outputs(other, x), runtime_outputs(folder / network.file, x)
    assert difference(found, wanted) <= LARGEST_DIFFERENCE
    shortcuts = [node for node in graph.nodes if isinstance(node, Select)]
    assert [node.stride for node in shortcuts] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if "resnet" in name else name for name in NETWORKS],
)
def test_becomes_a_program(name: str) -> None:
    """Every value of every layer, interpreted from the program, equals the integer network's."""
    source, folder = at_hand(name)
    x = source.load(folder, "test", 65).x
    network = quantise(source.graph(folder), x[:64], 4, 10.0, max_shift=3)
    config = AcceleratorConfig(
        lanes=32,
        cores=8,
        accumulator_width=32,
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
