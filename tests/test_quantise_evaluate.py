"""The fast evaluation gives the integers of the reference, layer by layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    Source,
    Tensor,
    accumulator_bits,
)
from pann_hw.integer.requantise import Scale, requantise
from pann_hw.integer.run import run, run_layer
from pann_hw.quantise.evaluate import activations, layer_values, outputs, quantised
from tests.random_networks import feature_map_network, random_network, residual_network


def floats(network: IntegerNetwork, images: np.ndarray) -> np.ndarray:
    """The float inputs that are quantised to ``images``."""
    return (images - network.input.zero_point) * network.input.scale


def check(network: IntegerNetwork, images: np.ndarray) -> None:
    expected = run(network, images)
    tensors = network.tensors
    values = {network.input.name: quantised(network, floats(network, images))}
    for layer in network.layers:
        name = layer.output.name
        values[name] = layer_values(layer, values, tensors)
        assert torch.equal(values[name].long(), expected[name]), name


def test_every_layer_of_a_residual_network(rng: np.random.Generator) -> None:
    check(*residual_network(rng, 2))


def test_every_layer_of_a_network_of_unusual_shapes(rng: np.random.Generator) -> None:
    check(*feature_map_network(rng, 3))


@pytest.mark.parametrize("number", range(12))
def test_every_layer_of_random_networks(number: int, rng: np.random.Generator) -> None:
    check(*random_network(rng, 3))


@pytest.mark.parametrize("bits", [24, 25, 26, 40])
def test_sums_that_float32_cannot_hold(bits: int, rng: np.random.Generator) -> None:
    """Odd weights of one sign in the first channel, of random signs in the others."""
    largest = 2 ** (bits - 1) // (255 * 4) - 1 | 1
    weights = rng.choice([-largest, largest], (5, 4, 1, 1)).astype(np.int64)
    weights[0] = largest
    tensors = {"x": Tensor("x", (4, 6, 7), 8), "y": Tensor("y", (5, 6, 7), 8)}
    layer = Accumulate(tensors["y"], (Source("x", weights),), np.ones(5, np.int64), None, 255)
    assert accumulator_bits(layer, tensors) == bits
    values = {"x": torch.from_numpy(rng.integers(245, 256, (2, 4, 6, 7)).astype(np.uint8))}
    expected = run_layer(layer, {"x": values["x"].long()}, tensors)
    assert torch.equal(layer_values(layer, values, tensors), expected)


def near_ties(scale: Scale) -> np.ndarray:
    """Sums below 2**51 which the scale takes to halves, or so near that float64 makes halves."""
    numerator, unit = scale.value.numerator, scale.value.denominator
    inverse = pow(numerator, -1, unit)
    found = [(unit // 2 + away) * inverse % unit for away in range(-9999, 10000)]
    return np.array([a for a in found if a < 2**51 and a * numerator < 255 * unit], np.int64)


def test_products_that_float64_cannot_hold() -> None:
    scale = Scale(((1, 14), (1, 15), (0, 15), (0, 14)))
    sums = near_ties(scale)
    assert len(sums) > 10
    output = Tensor("y", (1, 1, len(sums)), 8)
    layer = Accumulate(output, (), np.zeros(1, np.int64), (scale,), 255)
    found = activations(layer, torch.from_numpy(sums).double().view(1, 1, 1, -1))
    assert (found.numpy().ravel() == np.asarray(requantise(sums, scale, 255))).all()


@pytest.mark.parametrize("number", range(20))
def test_ties_of_products_at_the_limit_of_float32(number: int, rng: np.random.Generator) -> None:
    scale = Scale.nearest(float(2.0 ** rng.uniform(-15, -1)), int(rng.integers(2, 4)))
    numerator, unit = scale.value.numerator, scale.value.denominator
    largest = min(2**23, 255 * unit) // numerator
    ties = [unit // 2 * pow(numerator, -1, unit) % unit + unit * k for k in range(-300, 300)]
    near = {0, *(tie + away for tie in ties for away in (-1, 0, 1))}
    limits = [*range(largest - 5, largest + 5), -largest]
    sums = np.array([*sorted(a for a in near if abs(a) < largest), *limits], np.int64)
    layer = Accumulate(Tensor("y", (1, 1, len(sums)), 8), (), np.zeros(1, np.int64), (scale,), 255)
    for part in (sums, sums[: -len(limits)]):
        found = activations(layer, torch.from_numpy(part).float().view(1, 1, 1, -1))
        assert (found.numpy().ravel() == np.asarray(requantise(part, scale, 255))).all()


def test_outputs_of_many_batches(rng: np.random.Generator) -> None:
    network, images = random_network(rng, 2)
    several = rng.permutation(np.concatenate([images] * 150))
    expected = run(network, several)[network.layers[-1].output.name].flatten(1).numpy()
    found = outputs(network, floats(network, several))
    assert found.dtype == np.int64
    assert (found == expected).all()
