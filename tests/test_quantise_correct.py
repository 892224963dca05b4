"""Bias correction takes each learned layer's mean error out, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Accumulate, IntegerNetwork, Tensor
from pann_hw.integer.run import quantise_input, run, run_layer
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.calibrate import calibrate
from pann_hw.quantise.correct import channel_means, correct_bias, correct_biases
from pann_hw.quantise.fuse import Fused, Sum, fuse
from tests.quantise_graphs import Draft, images


def drawn(seed: int) -> Fused:
    d = Draft(seed)
    one = d.relu(d.convolution("x", 8))
    two = d.average_pool(d.relu(d.add(one, d.convolution(one, 8))))
    d.linear(d.relu(d.convolution(two, 8), 1.0), 5)
    return fuse(d.graph())


def mean_error(network: IntegerNetwork, fused: Fused, x: np.ndarray) -> float:
    """Largest error of a channel's mean ahead of the clamp, in accumulator units."""
    means = channel_means(fused, x)
    values = run(network, quantise_input(network, x))
    worst = 0.0
    for layer, source in zip(network.layers, fused.layers, strict=True):
        if not isinstance(layer, Accumulate) or not isinstance(source, Sum):
            continue
        if not source.convolutions:
            continue
        sums = run_layer(replace(layer, scales=None), values, network.tensors).double()
        unit, offset = network.output_scale, 0.0
        if layer.scales is not None:
            unit = layer.output.scale * float(layer.scales[0].value)
            offset = layer.output.zero_point * layer.output.scale
        real = sums.mean((0, 2, 3)).numpy() * unit - offset
        worst = max(worst, float(np.abs(real - means[source.unclamped]).max() / unit))
    return worst


@pytest.mark.parametrize("seed", range(3))
def test_means_are_those_of_float(seed: int) -> None:
    fused, x = drawn(seed), images(60)
    network = build(fused, choose_ranges(fused, calibrate(fused.graph, x), 3), 3, 1.5)
    corrected = correct_biases(network, fused, channel_means(fused, x), x)
    assert mean_error(network, fused, x) > 1
    assert mean_error(corrected, fused, x) <= 0.5001
    for old, new in zip(network.layers, corrected.layers, strict=True):
        assert isinstance(old, Accumulate)
        assert isinstance(new, Accumulate)
        assert old.output == new.output
        assert old.sources is new.sources


@pytest.mark.parametrize("start", [2**24 - 3, 5])
def test_sums_that_grow_beyond_float32(start: int) -> None:
    layer = Accumulate(Tensor("y", (1, 1, 3), 8), (), np.zeros(1, np.int64), None, 255)
    sums = torch.tensor([start - 1, start, start + 1]).view(1, 1, 1, 3)
    changed, found = correct_bias(layer, sums.float(), np.array([start + 1.0 + 2**24]), 1.0)
    assert changed.bias.tolist() == [2**24 + 1]
    assert torch.equal(found.long(), sums + 2**24 + 1)
