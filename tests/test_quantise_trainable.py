"""Trainable networks: equal to the integer networks that they stand for, and within the budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import quantise_input, run
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac
from pann_hw.quantise.fuse import Fused
from pann_hw.quantise.post_training import fit, fit_layers, prepare
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.quantise.trainable import TrainableNetwork
from pann_hw.quantise.uniform import fit_uniform
from tests.quantise_graphs import Draft, images

BUDGET, LOW = 14.0, 5.0


def residual() -> FloatGraph:
    """Strides, a shortcut, a projection, selections, pooling of both kinds, a raw linear layer."""
    d = Draft(2)
    value = d.relu(d.convolution("x", 6))
    value = d.relu(d.add(value, d.convolution(d.relu(d.convolution(value, 6)), 6)))
    down = d.convolution(d.relu(d.convolution(value, 8, stride=2)), 8)
    value = d.relu(d.add(down, d.convolution(value, 8, kernel=1, stride=2)))
    picked = d.select(value, (-1, 0, 1, 2, 3, 4, 5, 6), size=(4, 4))
    value = d.relu(d.add(d.convolution(value, 8), picked))
    d.linear(d.average_pool(d.max_pool(value)), 5)
    return d.graph()


def mixed() -> FloatGraph:
    """Depthwise, ReLU6, values that can be negative, additions, concatenation, no raw sum."""
    d = Draft(5)
    one = d.relu(d.convolution("x", 6), 6.0)
    two = d.convolution(one, 6, groups=6)
    both = d.concatenate(d.add(one, two), d.relu(d.convolution(one, 4)))
    d.relu(d.convolution(both, 5, stride=2))
    return d.graph()


GRAPHS = {"residual": residual, "mixed": mixed}


def start(
    name: str, max_shift: int, budget: float = BUDGET, *, full: bool = True
) -> tuple[FloatGraph, Fused, IntegerNetwork]:
    graph = GRAPHS[name]()
    prepared = prepare(graph, images(96), FULL if full else PLAIN)
    network = (
        fit_layers(prepared, budget, max_shift) if full else fit(prepared, 4, budget, max_shift)
    )
    assert network is not None
    return graph, prepared.fused, network


def outputs(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    found = run(network, quantise_input(network, x))[network.layers[-1].output.name]
    result: np.ndarray = found.flatten(1).numpy() * network.output_scale
    return result


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("full", [True, False])
def test_it_begins_as_the_network_and_stays_what_it_says(
    name: str, max_shift: int, full: bool
) -> None:
    _, fused, network = start(name, max_shift, full=full)
    x = images(48, seed=3)
    model = TrainableNetwork(fused, network, BUDGET, max_shift).eval()
    found = model(torch.from_numpy(x)).detach().numpy()
    scale = np.abs(found).max()
    assert np.abs(found - outputs(model.integer(), x)).max() <= 1e-5 * scale
    # Values of two factor digits more, and weights that no price lets out, may differ a little.
    assert np.abs(found - outputs(network, x)).mean() <= 0.05 * scale


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("max_shift", [0, 3])
def test_training_comes_closer_to_float_within_the_budget(
    name: str, max_shift: int, seed: int
) -> None:
    torch.manual_seed(seed)
    graph, fused, network = start(name, max_shift, LOW, full=False)
    model = TrainableNetwork(fused, network, LOW, max_shift)
    groups = model.parameter_groups(3e-3)
    optimiser = torch.optim.Adam(groups)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, [g["lr"] for g in groups], 20 * 16)
    x, test = torch.from_numpy(images(512, seed=4)), images(200, seed=9)
    wanted, kept = graph.run(x), graph.run(torch.from_numpy(test)).numpy()
    for _ in range(20):
        for part in torch.split(torch.randperm(len(x)), 32):
            optimiser.zero_grad()
            loss = (model(x[part]) - wanted[part]).square().mean()
            loss.backward()
            optimiser.step()
            rates.step()
    trained = model.integer()
    assert 0.9 * LOW < flips_per_mac(trained, max_shift) <= LOW
    before, after = (np.square(outputs(one, test) - kept).mean() for one in (network, trained))
    assert after < 0.95 * before
    model.eval()
    found = model(torch.from_numpy(test)).detach().numpy()
    assert np.abs(found - outputs(trained, test)).max() <= 1e-4 * np.abs(found).max()


def test_every_parameter_learns() -> None:
    _, fused, network = start("residual", 3)
    model = TrainableNetwork(fused, network, BUDGET, 3)
    model(torch.from_numpy(images(32))).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    groups = model.parameter_groups(1e-3)
    assert [group["lr"] for group in groups] == pytest.approx([1e-3, 3e-3, 3e-4])
    grouped = sum(len(group["params"]) for group in groups)
    assert grouped == len(list(model.parameters()))


def test_several_weight_steps_in_a_layer() -> None:
    prepared = prepare(GRAPHS["residual"](), images(96), replace(FULL, channel_steps=True))
    network = fit_layers(prepared, BUDGET, 3)
    assert network is not None
    with pytest.raises(InputError, match="several weight steps"):
        TrainableNetwork(prepared.fused, network, BUDGET, 3)


def test_network_beyond_the_budget() -> None:
    _, fused, network = start("residual", 3)
    with pytest.raises(InputError, match=r"budget 3 flips per MAC: the network takes 1\d"):
        TrainableNetwork(fused, network, 3.0, 3)


def test_weights_within_limits() -> None:
    prepared = prepare(GRAPHS["residual"](), images(96), FULL)
    network = fit_uniform(prepared, 3, True)
    x = images(48, seed=3)
    model = TrainableNetwork(prepared.fused, network, None, limits=(-4, 3)).eval()
    found = model(torch.from_numpy(x)).detach().numpy()
    assert np.abs(found - outputs(model.integer(), x)).max() <= 1e-5 * np.abs(found).max()
    assert np.abs(found - outputs(network, x)).mean() <= 0.05 * np.abs(found).max()
    assert model.integer().budget == network.budget


def test_a_budget_or_limits() -> None:
    _, fused, network = start("residual", 3)
    for budget, limits in ((None, None), (10.0, (-4, 3))):
        with pytest.raises(ValueError, match="must be one of them"):
            TrainableNetwork(fused, network, budget, 3, limits)
