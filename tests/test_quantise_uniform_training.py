"""Networks for multipliers, trained: their widths stay, their held-out loss falls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.quantise.budget import mean_additions
from pann_hw.quantise.post_training import Prepared, prepare
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import PLAIN
from pann_hw.quantise.uniform import fit_uniform, weight_limits
from pann_hw.quantise.uniform_training import train_uniform
from tests.quantise_graphs import images
from tests.test_quantise_training import SCHEDULE, equal, graph


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(graph(), images(96), PLAIN)


def extremes(network: IntegerNetwork) -> tuple[int, int]:
    weights = [
        source.weights
        for layer in network.layers
        if isinstance(layer, Accumulate)
        for source in layer.sources
        if source.learned
    ]
    return min(int(one.min()) for one in weights), max(int(one.max()) for one in weights)


@pytest.mark.parametrize(("bits", "x_bits", "signed"), [(3, 4, True), (2, 4, False)])
def test_held_out_images_gain(prepared: Prepared, bits: int, x_bits: int, signed: bool) -> None:
    x, test = images(400, seed=5), images(300, seed=6)
    start = fit_uniform(prepared, bits, signed, 8, x_bits)
    found = train_uniform(
        prepared, x, None, bits,
        signed=signed, input_bits=8, activation_bits=x_bits,
        schedule=replace(SCHEDULE, rate=1e-2),
    )  # fmt: skip
    network = found.network
    losses = [found.start, *(epoch.held_out for epoch in found.epochs)]
    assert found.best == losses.index(min(losses)) > 0
    assert min(losses) < 0.9 * found.start
    low, high = weight_limits(bits, signed=signed)
    assert low <= extremes(network)[0] and extremes(network)[1] <= high
    assert network.input.bits == 8 and network.bits == x_bits
    widths = {one.output.bits for one in network.layers[:-1] if isinstance(one, Accumulate)}
    assert widths == {x_bits}
    assert network.budget == pytest.approx(start.budget, rel=1e-12)
    assert not equal(network, start)
    assert network.additions == mean_additions(network)
    fresh = float_outputs(graph(), test)
    errors = [quality(one, test, None, fresh).error for one in (start, network)]
    assert errors[1] < errors[0]


def test_equal_seeds_give_equal_networks(prepared: Prepared) -> None:
    x = images(64)
    y = np.arange(64) % 5
    short = replace(SCHEDULE, epochs=2)
    one, two = (train_uniform(prepared, x, y, 3, signed=True, schedule=short) for _ in range(2))
    assert equal(one.network, two.network)
    assert one.epochs == two.epochs


def test_it_begins_with_the_given_network(prepared: Prepared) -> None:
    x = images(64)
    start = fit_uniform(prepared, 4, True, 8)
    short = replace(SCHEDULE, epochs=1)
    given = train_uniform(prepared, x, None, 4, signed=True, network=start, schedule=short)
    made = train_uniform(prepared, x, None, 4, signed=True, input_bits=8, schedule=short)
    assert equal(given.network, made.network)


def test_bad_width(prepared: Prepared) -> None:
    with pytest.raises(InputError, match=r"bits = 9: must be 2\.\.8"):
        train_uniform(prepared, images(64), None, 9, signed=True)
    with pytest.raises(InputError, match="31 training images"):
        train_uniform(prepared, images(31), None, 4, signed=True)
