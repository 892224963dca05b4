"""One layer's weights: within a cost or a range, at the step of least error."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Tensor
from pann_hw.integer.terms import term_count
from pann_hw.quantise.fuse import Sum, fuse
from pann_hw.quantise.layer_fit import LayerFit
from pann_hw.quantise.recipe import FULL, Recipe
from tests.quantise_graphs import Draft, images

RANGES = [(-2, 1), (-8, 7), (-3, 3), (-15, 15)]


def prepared(kind: str, recipe: Recipe = FULL, max_shift: int = 0) -> tuple[LayerFit, Sum]:
    """A layer that reads x in 5 bits: alone, beside a shortcut, beside another convolution."""
    d = Draft()
    one = d.convolution("x", 3)
    if kind == "shortcut":
        one = d.add("x", one)
    if kind == "projection":
        one = d.add(one, d.convolution("x", 3, 1))
    d.linear(d.relu(one), 5)
    graph = d.graph()
    layer = fuse(graph).layers[0]
    assert isinstance(layer, Sum)
    x = torch.from_numpy(images(64))
    q = torch.floor(x / 0.2 + 16.5).clamp(0, 31).to(torch.uint8)
    tensors = {"x": Tensor("x", (3, 8, 8), 5, 16, 0.2)}
    wanted = graph.values(x)[layer.unclamped]
    return LayerFit(layer, tensors, {"x": q}, wanted, recipe, max_shift), layer


@pytest.mark.parametrize("kind", ["alone", "shortcut", "projection"])
@pytest.mark.parametrize("max_shift", [0, 3])
def test_cost_is_that_of_terms_and_within_the_limit(kind: str, max_shift: int) -> None:
    fit, _ = prepared(kind, max_shift=max_shift)
    errors = []
    for cost in (16 * fit.least_cost, 32 * fit.least_cost):
        found = fit.fit(cost)
        spent = sum(
            5 * (term_count(one.weights, max_shift) + 0.5 * np.count_nonzero(one.weights))
            for one in found.sources
        )
        assert found.cost == pytest.approx(spent)
        assert 0.9 * cost < found.cost <= cost
        errors.append(found.error)
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize("kind", ["alone", "shortcut", "projection"])
@pytest.mark.parametrize("limits", RANGES)
def test_range_holds_and_shortcuts_are_exact(kind: str, limits: tuple[int, int]) -> None:
    found = prepared(kind)[0].fit_range(limits)
    for source in found.sources:
        if source.learned:
            assert limits[0] <= source.weights.min() <= source.weights.max() <= limits[1]
        else:
            assert int(source.weights.max()) * found.units[0] == pytest.approx(0.2, rel=1e-12)


def test_range_of_least_error_clips() -> None:
    """No step between the smallest and the largest tried is better than the one taken."""
    recipe = replace(FULL, feedback=False, match_float=False)
    fit, layer = prepared("alone", recipe)
    found = fit.fit_range((-3, 3))
    weights = layer.convolutions[0].weight.double().numpy() * 0.2
    largest = np.abs(weights).max()
    assert found.units[0] < largest / 3
    clipped = np.floor(weights / found.units[0] + 0.5).clip(-3, 3)
    assert np.array_equal(found.sources[0].weights, clipped)
    assert np.abs(weights / found.units[0]).max() > 3.5


def test_more_bits_err_less() -> None:
    fit, _ = prepared("projection")
    errors = [fit.fit_range(limits).error for limits in ((-1, 1), (-3, 3), (-15, 15), (-127, 127))]
    assert all(one > 2 * other for one, other in pairwise(errors))


@pytest.mark.parametrize("kind", ["alone", "shortcut"])
def test_weights_that_are_all_zero(kind: str) -> None:
    d = Draft()
    one = d.convolution("x", 3)
    if kind == "shortcut":
        one = d.add("x", one)
    d.linear(d.relu(one), 5)
    graph = d.graph()
    graph.nodes[0].weight.zero_()  # type: ignore[attr-defined]
    layer = fuse(graph).layers[0]
    assert isinstance(layer, Sum)
    tensors = {"x": Tensor("x", (3, 8, 8), 5, 16, 0.2)}
    q = torch.full((2, 3, 8, 8), 16, dtype=torch.uint8)
    wanted = torch.zeros(2, 3, 8, 8)
    recipe = replace(FULL, match_float=False)
    fit = LayerFit(layer, tensors, {"x": q}, wanted, recipe, 0)
    for found in (fit.fit_range((-8, 7)), fit.fit(100.0)):
        assert all((one.weights == 0).all() for one in found.sources if one.learned)
        assert found.units[0] == (0.2 if kind == "shortcut" else 1.0)
