"""No network exceeds its budget, all come close to it, and the method's R comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate
from pann_hw.integer.run import predict, quantise_input, run
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac, mean_additions
from pann_hw.quantise.post_training import fit, least_flips, prepare, quantise
from tests.quantise_graphs import Draft, images, relative_error


def residual(seed: int = 0) -> FloatGraph:
    d = Draft(seed)
    one = d.relu(d.convolution("x", 8))
    two = d.relu(d.add(one, d.convolution(d.relu(d.convolution(one, 8)), 8)))
    three = d.relu(d.convolution(d.max_pool(two), 12))
    d.linear(d.average_pool(d.concatenate(three, d.relu(d.convolution(three, 4)))), 5)
    return d.graph()


@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("budget", [6.0, 10.0, 16.5, 24.0, 64.0])
def test_never_above_the_budget_and_close_to_it(budget: float, max_shift: int) -> None:
    prepared = prepare(residual(), images(64))
    reached = 0
    for bits in range(2, 9):
        network = fit(prepared, bits, budget, max_shift)
        if network is None:
            assert least_flips(prepared, bits, max_shift) > budget
            continue
        reached += 1
        flips = flips_per_mac(network, max_shift)
        assert flips <= budget
        assert network.additions == mean_additions(network)
        assert (network.budget, network.bits) == (budget, bits)
        if network.additions < 30:
            assert flips > 0.93 * budget, f"{bits} bits: {flips:.2f} of {budget}"
    assert reached >= 3


def test_additions_are_those_of_the_method_for_learned_layers_of_one_width() -> None:
    """R = P / bx - 1/2 where the input has bx = 8 bits too, 1/2 only for weights that are not 0."""
    d = Draft()
    d.linear(d.relu(d.convolution("x", 16)), 10)
    network = quantise(d.graph(), images(32), 8, 24.0)
    layers = [layer for layer in network.layers if isinstance(layer, Accumulate)]
    learned = [source.weights for layer in layers for source in layer.sources]
    paid = sum(map(np.count_nonzero, learned)) / sum(weights.size for weights in learned)
    assert network.additions == pytest.approx(24 / 8 - 0.5 * paid, rel=0.01)


def test_more_budget_is_closer_to_float() -> None:
    graph = residual()
    x = images(100)
    wanted = graph.run(torch.from_numpy(x)).numpy()
    errors = []
    for bits, budget in ((3, 6.0), (5, 16.5), (8, 64.0)):
        network = quantise(graph, x, bits, budget, 3)
        found = run(network, quantise_input(network, x))[graph.output_name].flatten(1).numpy()
        errors.append(relative_error(found * network.output_scale, wanted))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.05


def test_equal_calls_give_equal_networks() -> None:
    x = images(40)
    one, two = (quantise(residual(), x, 4, 10.0) for _ in range(2))
    assert one.additions == two.additions
    assert np.array_equal(predict(one, x), predict(two, x))


@pytest.mark.parametrize("bits", [1, 9, 0, 2.5])
def test_bad_bits(bits: int) -> None:
    with pytest.raises(InputError, match=r"must be 2\.\.8"):
        quantise(residual(), images(4), bits, 10.0)


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), 65.0])
def test_bad_budget(budget: float) -> None:
    with pytest.raises(InputError, match="at most 64"):
        quantise(residual(), images(4), 4, budget)


def test_budget_below_the_least_names_it() -> None:
    with pytest.raises(InputError, match=r"8 bits need at least \d") as caught:
        quantise(residual(), images(16), 8, 0.3)
    least = float(str(caught.value).split("at least ")[1].split(",")[0])
    assert quantise(residual(), images(16), 8, least * 1.01).bits == 8


def test_bad_shift() -> None:
    with pytest.raises(InputError, match="max_shift"):
        quantise(residual(), images(4), 4, 10.0, -1)


def test_nothing_to_quantise() -> None:
    d = Draft()
    d.relu("x")
    with pytest.raises(InputError, match="no convolution and no linear layer"):
        quantise(d.graph(), images(4), 4, 10.0)
