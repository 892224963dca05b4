"""The units that a channel may have, and the choice among them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from pann_hw.integer.requantise import Scale
from pann_hw.quantise.channel_steps import (
    cheapest,
    nearest_units,
    units_of_scale,
    units_of_shortcut,
)


def test_units_are_the_scale_times_a_factor_of_two_digits() -> None:
    units = units_of_scale(0.3)
    assert units[-1] == 0.3
    for unit in units:
        factor = Scale.nearest(unit / 0.3, 2)
        assert float(factor.value) * 0.3 == pytest.approx(unit, rel=1e-12)
    ratios = units[1:] / units[:-1]
    assert (ratios > 1).all()
    assert ratios[:-2].max() <= 1.2 + 1e-9
    assert ratios.max() <= 4 / 3 + 1e-9
    assert units[-1] / units[0] > 2**19


@pytest.mark.parametrize("shortcut", [0.001, 0.07, 0.3, 0.31, 1.0, 37.0, 400.0])
def test_shortcuts_have_integer_weights_of_units(shortcut: float) -> None:
    scale, units = units_of_shortcut(0.3, shortcut)
    assert scale == pytest.approx(0.3, rel=0.05)
    assert (np.diff(units) > 0).all()
    assert units[-1] <= scale * (1 + 1e-12)
    exact = 0
    for unit in units:
        factor = float(Scale.nearest(unit / scale, 3).value)
        assert factor * scale == pytest.approx(unit, rel=1e-12)
        weight = round(shortcut / unit)
        assert weight * unit == pytest.approx(shortcut, rel=0.0101)
        exact += abs(weight * unit / shortcut - 1) < 1e-9
    assert exact >= 2
    # Dense enough to come near any wanted one.
    assert (units[1:] / units[:-1])[-20:].max() < 2.01
    assert len(units) >= 20


def test_no_units_out_of_all_proportion() -> None:
    scale, units = units_of_shortcut(1.0, 2.0**-30)
    assert scale == 1.0
    assert len(units) == 0


def test_nearest_in_ratio(rng: np.random.Generator) -> None:
    units = np.sort(rng.uniform(0.1, 3, 17))
    wanted = torch.from_numpy(rng.uniform(0.01, 5, (4, 9)))
    found = nearest_units(wanted, units).numpy()
    for one, target in zip(found.ravel(), wanted.numpy().ravel(), strict=True):
        assert one == min(units, key=lambda unit: abs(np.log(unit / target)))
    assert (nearest_units(wanted, units[:1]) == units[0]).all()


def test_choice_is_the_best_of_all_at_its_cost(rng: np.random.Generator) -> None:
    """No other choice that costs as little errs less."""
    costs = np.sort(rng.uniform(1, 10, (4, 5)), 0)
    errors = np.sort(rng.uniform(0, 1, (4, 5)), 0)[::-1].copy()
    for limit in (15.0, 22.0, 30.0):
        index = cheapest(torch.from_numpy(errors), torch.from_numpy(costs), limit).numpy()
        cost = costs[index, range(5)].sum()
        assert cost <= limit
        least = errors[index, range(5)].sum()
        for other in product(range(4), repeat=5):
            if costs[other, range(5)].sum() <= cost:
                assert errors[other, range(5)].sum() >= least - 1e-12


def test_choice_uses_the_limit_up(rng: np.random.Generator) -> None:
    """Many channels with many candidates leave less than one of them takes."""
    steps = np.geomspace(0.1, 2, 15)[:, None]
    norms = rng.uniform(1, 3, 64)
    errors, costs = (
        torch.from_numpy(steps**2 * rng.uniform(1, 4, 64)),
        torch.from_numpy(norms / steps),
    )
    index = cheapest(errors, costs, 200.0)
    cost = float(costs.gather(0, index[None]).sum())
    assert 0.98 * 200 < cost <= 200


def test_choice_where_nothing_is_cheap_enough() -> None:
    costs = torch.tensor([[3.0, 9.0], [5.0, 4.0]])
    assert cheapest(torch.zeros(2, 2), costs, 1.0).tolist() == [0, 1]
