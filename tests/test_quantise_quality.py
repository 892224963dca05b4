"""Accuracy, agreement and error against their definitions, on the exact reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.run import predict, quantise_input, run
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.post_training import quantise
from pann_hw.quantise.quality import divergence, float_outputs, quality
from tests.quantise_graphs import Draft, images


def graph() -> FloatGraph:
    d = Draft()
    d.linear(d.relu(d.convolution("x", 4)), 5)
    return d.graph()


def test_float_outputs_are_those_of_the_graph_in_any_batches() -> None:
    x = images(300)
    found = float_outputs(graph(), x)
    assert found.shape == (300, 5) and found.dtype == np.float64
    np.testing.assert_allclose(found, graph().run(torch.from_numpy(x)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bits", [2, 6])
def test_rates_and_error(bits: int, rng: np.random.Generator) -> None:
    x = images(90)
    network = quantise(graph(), x, bits, 16.5)
    wanted = float_outputs(graph(), x)
    y = rng.integers(0, 5, 90)
    found = quality(network, x, y, wanted)
    classes = predict(network, x)
    assert found.accuracy == (classes == y).mean()
    assert found.agreement == (classes == wanted.argmax(1)).mean()
    raw = (
        run(network, quantise_input(network, x))[network.layers[-1].output.name].flatten(1).numpy()
    )
    mean = ((raw * network.output_scale - wanted) ** 2).mean()
    assert found.error == pytest.approx(mean / wanted.var())


def test_unlabelled_images_have_no_accuracy() -> None:
    x = images(8)
    network = quantise(graph(), x, 4, 10.0)
    assert quality(network, x, None, float_outputs(graph(), x)).accuracy is None


def test_the_float_network_s_own_outputs_have_no_error() -> None:
    x = images(16)
    network = quantise(graph(), x, 8, 64.0)
    wanted = (
        run(network, quantise_input(network, x))[network.layers[-1].output.name]
        .flatten(1)
        .double()
        .numpy()
    )
    found = quality(network, x, None, wanted * network.output_scale)
    assert (found.agreement, found.error) == (1.0, 0.0)


def test_divergence_is_that_of_class_probabilities() -> None:
    x = images(40)
    network = quantise(graph(), x, 3, 10.0)
    wanted = float_outputs(graph(), x)
    raw = run(network, quantise_input(network, x))[network.layers[-1].output.name]
    found = raw.flatten(1).double().numpy() * network.output_scale
    p, q = (np.exp(one) / np.exp(one).sum(1, keepdims=True) for one in (wanted, found))
    distance = (p * np.log(p / q)).sum(1).mean()
    assert divergence(network, x, wanted) == pytest.approx(distance, rel=1e-9)
    assert divergence(network, x, found) == pytest.approx(0, abs=1e-12)
