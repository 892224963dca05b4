"""Transposed networks make transposed maps."""

from __future__ import annotations

import numpy as np

from pann_hw.integer.run import run
from pann_hw.program.transpose import transpose
from tests.random_networks import feature_map_network, random_network, residual_network


def test_every_map_is_transposed(rng: np.random.Generator) -> None:
    for number in range(40):
        if number < 4:
            network, x = (residual_network, feature_map_network)[number % 2](rng, 3)
        else:
            network, x = random_network(rng, 4, layers=5)
        other = run(transpose(network), x.swapaxes(2, 3))
        for name, values in run(network, x).items():
            assert (other[name].numpy() == values.numpy().swapaxes(2, 3)).all()


def test_twice_is_as_before(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 3)
    twice = transpose(transpose(network))
    assert twice.tensors == network.tensors
