"""The search tries every width, and picks by accuracy, agreement and error in this order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate
from pann_hw.integer.run import predict
from pann_hw.network.digits import digits_data, train_digits
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.budget import flips_per_mac, mean_bits
from pann_hw.quantise.post_training import prepare
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import FULL, PLAIN, Recipe
from pann_hw.quantise.search import Candidate, best, fit_best, search, trial_count
from tests.quantise_graphs import Draft, images


def graph() -> FloatGraph:
    d = Draft()
    d.linear(d.relu(d.convolution(d.relu(d.convolution("x", 8)), 8, 3, 2)), 5)
    return d.graph()


def classes(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = graph().run(torch.from_numpy(x)).argmax(1).numpy()
    return found


@pytest.mark.parametrize("max_shift", [0, 3])
def test_candidates(max_shift: int) -> None:
    x, steps = images(96), []
    y = np.where(np.arange(96) < 90, classes(x), (classes(x) + 1) % 5)
    found = search(
        graph(), x, y, "4bit", max_shift, lambda done, total: steps.append((done, total))
    )
    assert [candidate.bits for candidate in found] == list(range(2, 9))
    assert steps == [(done, 7) for done in range(1, 8)]
    for candidate in found:
        network = candidate.network
        assert candidate.flips_per_mac == flips_per_mac(network, max_shift) <= 24
        assert candidate.accuracy == (predict(network, x) == y).mean()
        assert candidate.agreement == (predict(network, x) == classes(x)).mean()
        assert (network.bits, network.budget) == (candidate.bits, 24)
    assert best(found).agreement > 0.85


def test_recipe_with_budgets_per_layer_has_a_candidate_for_each_thrift() -> None:
    steps: list[tuple[int, int]] = []
    recipe = replace(FULL, thrift=0.2, other_thrifts=(0.05,))
    candidates = search(
        graph(), images(64), None, "2bit", 3, lambda *step: steps.append(step), recipe
    )  # fmt: skip
    assert steps == [(1, 2), (2, 2)]
    assert trial_count(recipe) == 2
    plain = best(search(graph(), images(64), None, "2bit", 3))
    for found in candidates:
        assert found.bits == mean_bits(found.network)
        assert found.flips_per_mac == flips_per_mac(found.network, 3) <= 10
        assert found.error < plain.error
    (alone,) = search(
        graph(), images(64), None, "2bit", 3, recipe=replace(recipe, other_thrifts=())
    )  # fmt: skip
    assert alone.error == candidates[0].error != candidates[1].error


@pytest.mark.parametrize("recipe", [PLAIN, FULL])
def test_widths_are_those_allowed(recipe: Recipe) -> None:
    found = search(
        graph(), images(128), None, 8.0, 3, recipe=recipe, widths=range(2, 5), input_widths=(5, 6)
    )
    widths = {
        layer.output.bits
        for one in found
        for layer in one.network.layers[:-1]
        if isinstance(layer, Accumulate)
    }
    assert 2 <= min(widths) <= max(widths) <= 4
    inputs = {one.network.input.bits for one in found}
    assert inputs <= {5, 6} if recipe.layer_budgets else inputs == {8}


@pytest.mark.parametrize(
    ("name", "given"), [("widths", ()), ("widths", (4, 3)), ("input_widths", (4, 9))]
)
def test_bad_widths(name: str, given: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"{name} = .*: must be some of 2\.\.8, ascending"):
        search(graph(), images(16), None, 8.0, **{name: given})  # type: ignore[arg-type]


def test_fit_best_takes_the_least_error() -> None:
    x = images(64)
    candidates = search(graph(), x, None, "2bit", 3, recipe=FULL)
    network = fit_best(prepare(graph(), x, FULL), 10.0, 3)
    assert network is not None
    wanted = float_outputs(graph(), x)
    assert quality(network, x, None, wanted).error == min(one.error for one in candidates)
    assert fit_best(prepare(graph(), x, FULL), 0.01, 3) is None


def test_budget_that_no_plan_reaches() -> None:
    with pytest.raises(InputError, match=r"needs at least \d"):
        search(graph(), images(16), None, 0.1, recipe=FULL)


def test_without_labels_accuracy_is_unknown() -> None:
    found = search(graph(), images(32), None, 16.5)
    assert {candidate.accuracy for candidate in found} == {None}


def test_widths_that_the_budget_does_not_reach_are_skipped() -> None:
    found = search(graph(), images(32), None, 0.4)
    assert 0 < len(found) < 7
    assert found[-1].bits < 8


def test_budget_that_nothing_reaches_names_the_least() -> None:
    with pytest.raises(InputError, match=r"needs at least \d") as caught:
        search(graph(), images(16), None, 0.01)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("y", [np.zeros(3, int), np.zeros(16), np.zeros((16, 1), int)])
def test_bad_labels(y: np.ndarray) -> None:
    with pytest.raises(InputError, match="16 integer classes"):
        search(graph(), images(16), y, 10.0)


def candidate(accuracy: float | None, agreement: float, error: float) -> Candidate:
    network = search(graph(), images(4), None, 10.0)[0].network
    return Candidate(4, 2.0, 10.0, accuracy, agreement, error, 500, network)


def test_order_of_merit() -> None:
    one = candidate(0.9, 0.9, 0.5)
    assert best([one, replace(one, accuracy=0.95, agreement=0.5, error=0.9)]).accuracy == 0.95
    assert best([one, replace(one, agreement=0.95, error=0.9)]).agreement == 0.95
    assert best([one, replace(one, error=0.1)]).error == 0.1
    # One image of 500 is no reason to prefer the larger error.
    assert best([one, replace(one, accuracy=0.902, error=0.9)]) is one
    unknown = replace(one, accuracy=None)
    assert best([unknown, replace(unknown, agreement=0.95, error=0.9)]).agreement == 0.95


def digits_graph() -> FloatGraph:
    """The trained demo network, drawn by hand with its batch norms folded."""
    network = train_digits()
    d = Draft(shape=(1, 8, 8))
    stem = d.relu(d.convolution("x", 8))
    block = d.convolution(d.relu(d.convolution(stem, 8)), 8)
    half = d.max_pool(d.relu(d.add(stem, block)))
    end = d.relu(d.convolution(d.relu(d.convolution(half, 16)), 16))
    d.linear(d.average_pool(end), 10)
    graph = d.graph()
    convolutions = [node for node in graph.nodes if isinstance(node, Convolution)]
    units = (network.stem, network.block1, network.block2, network.conv1, network.conv2)
    with torch.no_grad():
        for node, unit in zip(convolutions, units, strict=False):
            weight, norm = unit[0].weight, unit[1]
            assert isinstance(weight, torch.Tensor)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            node.weight.copy_(weight * gain[:, None, None, None])
            node.bias.copy_(norm.bias - norm.running_mean * gain)
        last = convolutions[-1]
        last.weight.copy_(network.linear.weight.view(last.weight.shape))
        last.bias.copy_(network.linear.bias)
        x = torch.from_numpy(digits_data()[1].x[:20])
        assert torch.allclose(graph.run(x), network(x), atol=1e-4)
    return graph


@pytest.mark.slow
def test_digits_keep_their_accuracy() -> None:
    """2 bit within a point of float; at every budget 97 % of the classes are float's."""
    graph = digits_graph()
    train, test = digits_data()
    assert train.y is not None
    with torch.no_grad():
        wanted = graph.run(torch.from_numpy(test.x)).argmax(1).numpy()
    for max_shift in (0, 3):
        for budget in ("2bit", "3bit", "4bit", "6bit", "8bit"):
            chosen = best(search(graph, train.x[:512], train.y[:512], budget, max_shift))
            found = predict(chosen.network, test.x)
            assert (found == wanted).mean() >= 0.97, (budget, max_shift)
            assert (found == test.y).mean() >= (wanted == test.y).mean() - 0.01
