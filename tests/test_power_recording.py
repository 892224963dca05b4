"""What is recorded of a network: which layer, which maps, and the grids for their values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.power import recording
from pann_hw.power.recording import FeatureMap, record
from pann_hw.quantise.calibrate import Statistics, choose_range
from tests.quantise_graphs import Draft, images


def residual() -> FloatGraph:
    """A convolution with a shortcut round it, poolings, and a smaller convolution."""
    draft = Draft()
    stem = draft.relu(draft.convolution("x", 6))
    branch = draft.convolution(stem, 6)
    total = draft.relu(draft.add(stem, branch))
    strided = draft.convolution(draft.max_pool(total), 4)
    return draft.graph(draft.linear(draft.average_pool(strided), 5))


def test_hidden_convolution_with_the_most_macs_and_the_maps_around_it() -> None:
    graph, x = residual(), images(20)
    found = record(graph, x)
    values = {name: value.numpy() for name, value in graph.values(torch.from_numpy(x)).items()}
    assert found.layer.name == "conv2"
    assert found.input.name == "relu1"
    assert found.pooled.name == "relu4"
    assert [each.name for each in found.added] == ["relu1", "conv2"]
    for each in (found.input, found.pooled, *found.added):
        np.testing.assert_allclose(each.values, values[each.name], rtol=1e-5, atol=1e-5)


def test_without_pooling_and_addition_the_input_stands_for_them() -> None:
    draft = Draft()
    graph = draft.graph(draft.convolution(draft.relu(draft.convolution("x", 4)), 2))
    found = record(graph, images(3))
    assert found.pooled is found.input
    first, second = found.added
    assert first is found.input
    np.testing.assert_array_equal(second.values[:, 0], first.values[:, 1])
    np.testing.assert_array_equal(second.values[:, -1], first.values[:, 0])


def test_pooling_ahead_of_a_clamp_reads_clamped_values() -> None:
    draft = Draft()
    pooled = draft.relu(draft.max_pool(draft.convolution("x", 4)))
    found = record(draft.graph(draft.convolution(pooled, 2)), images(3))
    assert found.pooled.values.shape == (3, 4, 8, 8)
    assert found.pooled.values.min() == 0


def test_layers_where_no_convolution_is_hidden() -> None:
    draft = Draft()
    hidden = draft.relu(draft.linear(draft.relu(draft.convolution("x", 2)), 30))
    graph = draft.graph(draft.linear(hidden, 5))
    assert record(graph, images(3)).layer.name == "linear2"
    draft = Draft()
    graph = draft.graph(draft.convolution("x", 4))
    assert record(graph, images(3)).layer.name == "conv0"


def test_images_are_as_many_as_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, x = residual(), images(150)
    assert len(record(graph, x).input.values) == 128
    monkeypatch.setattr(recording, "_MOST_VALUES", 10 * 6 * 64)
    assert len(record(graph, x).input.values) == 10
    monkeypatch.setattr(recording, "_MOST_VALUES", 1)
    assert len(record(graph, x).input.values) == 1


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_rounding(bits: int, negative: bool, signed: bool, rng: np.random.Generator) -> None:
    values = rng.laplace(size=(2, 3, 5, 5)).astype(np.float32)
    values = values if negative else values.clip(0)
    chosen = FeatureMap("map", values)
    found = chosen.quantised(bits, signed=signed)
    sample = chosen._statistics.sample
    if signed:
        grid = choose_range(Statistics(0, float(np.abs(values).max()), np.abs(sample)), bits - 1)
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    else:
        grid = choose_range(Statistics(float(values.min()), float(values.max()), sample), bits)
        low, high = 0, 2**bits - 1
    assert (grid.zero_point > 0) == (negative and not signed)
    for value, q in zip(values.ravel().tolist(), found.ravel().tolist(), strict=True):
        assert q == min(max(int(np.floor(value / grid.step + grid.zero_point + 0.5)), low), high)
    assert np.abs(found).max() >= high - 1
    assert found.max() <= high
    assert (found.min() < 0) == (negative and signed)
    part = chosen.quantised(bits, values[1, :, 2], signed=signed)
    np.testing.assert_array_equal(part, found[1, :, 2])


def test_bad_data() -> None:
    graph = residual()
    with pytest.raises(InputError, match="data has no samples"):
        record(graph, images(3)[:0])
    with pytest.raises(InputError, match=r"data has shape \(3, 3, 8, 7\), must be"):
        record(graph, images(3)[..., :7])
    with pytest.raises(InputError, match="data has 1 NaN or infinite values"):
        record(graph, np.where(np.arange(192).reshape(1, 3, 8, 8) == 5, np.nan, 1.0))
    with pytest.raises(InputError, match="'relu1' has values that are not finite"):
        record(graph, np.full((1, 3, 8, 8), 3e38, np.float32))


def test_silent_networks() -> None:
    draft = Draft()
    graph = draft.graph(draft.convolution(draft.relu(draft.convolution("x", 4)), 2))
    dead, clamp, last = graph.nodes
    assert isinstance(dead, Convolution)
    assert isinstance(last, Convolution)
    dead = replace(dead, bias=dead.bias - 1000)
    with pytest.raises(InputError, match="'relu1' is constant at 0 on this data, must have two"):
        record(replace(graph, nodes=(dead, clamp, last)), images(3))
    empty = replace(last, weight=torch.zeros_like(last.weight))
    with pytest.raises(InputError, match="'conv2': all weights are 0"):
        record(replace(graph, nodes=(graph.nodes[0], clamp, empty)), images(3))


def test_network_without_weights() -> None:
    draft = Draft()
    graph = draft.graph(draft.max_pool("x"))
    with pytest.raises(InputError, match="no convolution and no linear layer"):
        record(graph, images(3))
