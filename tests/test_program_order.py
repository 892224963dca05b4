"""The order of channels: the network's output stays, and like goes with like."""

from __future__ import annotations

import numpy as np

from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.integer.terms import term_count
from pann_hw.program.encoding import Shifts
from pann_hw.program.order import order_channels
from tests.random_networks import (
    NetworkBuilder,
    feature_map_network,
    random_network,
    residual_network,
)


def check(network: IntegerNetwork, x: np.ndarray) -> int:
    """Every tensor has the channels that its order says; how many tensors have another one."""
    ordered, orders = order_channels(network, Shifts(3))
    expected, found = run(network, x), run(ordered, x)
    for name, values in expected.items():
        assert sorted(orders[name]) == list(range(values.shape[1]))
        assert (found[name].numpy() == values.numpy()[:, orders[name]]).all()
    for name in (network.input.name, network.layers[-1].output.name):
        assert orders[name].tolist() == list(range(len(orders[name])))
    return sum(order.tolist() != list(range(len(order))) for order in orders.values())


def test_networks_compute_the_same(rng: np.random.Generator) -> None:
    changed = 0
    for number in range(60):
        if number < 6:
            network, x = (residual_network, feature_map_network)[number % 2](rng, 3)
        else:
            network, x = random_network(rng, 4, layers=6)
        changed += check(network, x)
    assert changed > 20


def test_channels_of_many_terms_come_first(rng: np.random.Generator) -> None:
    """A convolution's channels follow its terms; depthwise layers and residuals go along."""
    b = NetworkBuilder(rng, (3, 6, 6))
    first = b.accumulate(b.convolution("x", 12, (3, 3), padding=(1, 1)))
    b.pool(first, (2, 2), (1, 1))
    depthwise = b.convolution(first, 12, (3, 3), padding=(1, 1), groups=12)
    second = b.accumulate(depthwise, b.copy(first))
    apart = b.accumulate(b.convolution(second, 9, (1, 1)))
    b.accumulate(b.convolution(apart, 4, (1, 1)), raw=True)
    network = b.network()
    assert check(network, b.images) == 4
    ordered, orders = order_channels(network, Shifts(0))
    assert all((orders[name] == orders[first]).all() for name in ("t1", second))
    layer = ordered.layers[3]
    assert isinstance(layer, Accumulate)
    counts = [term_count(weights, 0) for weights in layer.sources[0].weights]
    assert counts == sorted(counts, reverse=True)
    assert not (orders[apart] == np.sort(orders[apart])).all()
