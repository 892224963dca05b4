"""Roundings that training sees through, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.terms import encode
from pann_hw.quantise.straight_through import Cells, clamp_round, same, through


def test_through_is_the_value_with_the_latents_gradient() -> None:
    latent = torch.tensor([0.2, 0.9], requires_grad=True)
    found = through(latent, torch.tensor([5.0, -3.0]))
    (found * torch.tensor([2.0, 7.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert found.tolist() == [5.0, -3.0]
    assert latent.grad is not None
    assert latent.grad.tolist() == [2.0, 7.0]


def test_clamp_round_has_gradients_inside_alone() -> None:
    x = torch.tensor([-0.6, 0.5, 1.49, 6.5, 7.4], requires_grad=True)
    found = clamp_round(x, 7)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert found.tolist() == [0, 1, 1, 7, 7]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_a_step_learns_as_published() -> None:
    """Inside the clamp ``round(a / s) - a / s``, above it q_max, below it 0."""
    step = torch.tensor(0.5, requires_grad=True)
    a = torch.tensor([0.6, 0.95, 9.0, -1.0])
    (clamp_round(a / step, 15) * step).sum().backward()  # type: ignore[no-untyped-call]
    assert float(step.grad) == pytest.approx((1 - 1.2) + (2 - 1.9) + 15)  # type: ignore[arg-type]


def test_same_is_one_and_follows() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    found = same(x)
    found.backward()  # type: ignore[no-untyped-call]
    assert float(found.detach()) == 1.0
    assert float(x.grad) == pytest.approx(1 / 3)  # type: ignore[arg-type]


def cost(q: int, max_shift: int) -> float:
    return len(encode(q, max_shift)) + 0.5 * (q != 0)


@pytest.mark.parametrize("price", [0.0, 0.05, 0.3, 2.0])
@pytest.mark.parametrize("max_shift", [0, 1, 3])
def test_cells_are_the_best_of_all_integers(
    price: float, max_shift: int, rng: np.random.Generator
) -> None:
    v = torch.from_numpy(rng.uniform(-20, 20, 2000)).float()
    found, total = Cells(price, 40, max_shift).round(v)
    candidates = range(-40, 41)
    merits = np.array(
        [(q - v.double().numpy()) ** 2 + price * cost(q, max_shift) for q in candidates]
    )
    spent = (found.double() - v.double()).numpy() ** 2 + price * np.array(
        [cost(int(q), max_shift) for q in found]
    )
    assert spent == pytest.approx(merits.min(0), abs=1e-5)
    assert total == sum(cost(int(q), max_shift) for q in found)


def test_dearer_cells_cost_less() -> None:
    v = torch.linspace(-9, 9, 500)
    costs = [Cells(price, 20, 3).round(v)[1] for price in (0.0, 0.2, 1.0, 5.0)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.8 * costs[0]


@pytest.mark.parametrize("price", [0.0, 0.2])
def test_held_integers_change_where_the_weight_is_well_outside_their_cells(
    price: float, rng: np.random.Generator
) -> None:
    cells = Cells(price, 40, 3)
    v = torch.from_numpy(rng.uniform(-12, 12, 3000)).float()
    q = cells.round(v)[0]
    moved = v + torch.from_numpy(rng.uniform(-0.6, 0.6, 3000)).float()
    found, total = cells.held(q, moved, 0.25)
    assert total == sum(cost(int(one), 3) for one in found)
    away = (moved - cells.nearest(q, moved)).abs()
    assert torch.equal(found[away < 0.249], q[away < 0.249])
    free = cells.round(moved)[0]
    assert torch.equal(found[away > 0.251], free[away > 0.251])
    assert (found != q).sum() > 100
    assert (found != free).sum() > 100


def test_held_integers_that_never_come_out_become_the_next_below() -> None:
    # At such a price even ones alone come out.
    cells = Cells(3.0, 20, 3)
    odd = torch.tensor([1.0, 3.0, -3.0, 5.0, 7.0, -7.0])
    found, total = cells.held(odd, odd, 0.25)
    assert found.tolist() == [0.0, 2.0, -2.0, 4.0, 8.0, -8.0]
    assert total == sum(cost(int(one), 3) for one in found)
    assert torch.equal(found, cells.held(found, odd, 0.25)[0])


@pytest.mark.parametrize("price", [0.0, 0.2])
def test_nearest_is_in_the_cell(price: float, rng: np.random.Generator) -> None:
    cells = Cells(price, 40, 3)
    v = torch.from_numpy(rng.uniform(-12, 12, 3000)).float()
    q = cells.round(v + torch.from_numpy(rng.normal(0, 1, 3000)).float())[0]
    found = cells.nearest(q, v)
    inside = cells.round(v)[0] == q
    assert torch.equal(found[inside], v[inside])
    for share in (0.01, 0.5):
        inner = found + share * (cells.nearest(q, q) - found)
        assert torch.equal(cells.round(inner)[0], q)


@pytest.mark.parametrize(("price", "largest", "shift"), [(-1, 4, 0), (0.1, 0, 0), (0.1, 4, -1)])
def test_bad_parameters(price: float, largest: int, shift: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Cells(price, largest, shift)
