"""What trainable weights become: a cost that is kept, and a range that is never left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.quantise.budget import additions_cost
from pann_hw.quantise.weight_rules import CostRule, RangeRule

BITS = (4, 8)


def drawn(rng: np.random.Generator, scale: float = 6.0) -> list[torch.Tensor]:
    return [torch.from_numpy(rng.normal(0, scale, (8, 5, 3, 3))).float() for _ in BITS]


def cost(integers: list[torch.Tensor]) -> float:
    pairs = zip(BITS, integers, strict=True)
    return sum(bits * additions_cost(one.numpy().astype(np.int64), 3) for bits, one in pairs)


def test_settled_weights_cost_what_is_allowed(rng: np.random.Generator) -> None:
    weights = drawn(rng)
    held = [one.round() for one in weights]
    free = cost(CostRule(BITS, np.inf, 3).round(weights, held, adapt=False))
    rule = CostRule(BITS, 0.7 * free, 3)
    assert rule.settle(weights, held)
    found = rule.round(weights, held, adapt=False)
    assert 0.69 * free < cost(found) <= 0.7 * free
    assert not rule.settle(weights, held)
    scarce = CostRule(BITS, 0.3 * free, 3)
    assert scarce.settle(weights, found)
    assert 0.28 * free < cost(scarce.round(weights, found, adapt=False)) <= 0.3 * free


def test_the_price_follows_the_weights(rng: np.random.Generator) -> None:
    weights = drawn(rng)
    held = [one.round() for one in weights]
    for part in (0.4, 0.6, 0.8):
        allowed = part * cost(held)
        rule = CostRule(BITS, allowed, 3)
        for _ in range(600):
            found = rule.round(weights, held, adapt=True)
        assert 0.93 * allowed < cost(found) < 1.07 * allowed


def test_unary_weights_have_as_many_terms_as_they_are_large(rng: np.random.Generator) -> None:
    weights = drawn(rng)
    rule = CostRule(BITS, 400.0, 0)
    rule.settle(weights, [one.round() for one in weights])
    found = rule.round(weights, [one.round() for one in weights], adapt=False)
    unary = sum(
        bits * float(one.abs().sum() + 0.5 * one.count_nonzero())
        for bits, one in zip(BITS, found, strict=True)
    )
    assert 300 < unary <= 400


@pytest.mark.parametrize("limits", [(-2, 1), (-8, 7), (-3, 3)])
def test_a_range_is_never_left(limits: tuple[int, int], rng: np.random.Generator) -> None:
    weights = drawn(rng)
    rule = RangeRule(limits)
    held = [torch.zeros_like(one) for one in weights]
    found = rule.round(weights, held, adapt=True)
    for one, integers in zip(weights, found, strict=True):
        assert (int(integers.min()), int(integers.max())) == limits
        # Integers so far, here zeros, stay a quarter of a step beyond their cells.
        wanted = torch.where(one.abs() < 0.75, 0, one.sign() * (one.abs() + 0.5).floor())
        assert torch.equal(integers, wanted.clamp(*limits))
    assert not rule.settle(weights, found)


def test_weights_beyond_the_range_have_no_gradient() -> None:
    weights = torch.tensor([-3.0, -1.5, 0.5, 1.5], requires_grad=True)
    RangeRule((-2, 1)).latent(weights).sum().backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None and weights.grad.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("rule", [CostRule(BITS, 100.0, 3), RangeRule((-8, 7))])
def test_weights_begin_in_the_cells_of_their_integers(
    rule: CostRule | RangeRule, rng: np.random.Generator
) -> None:
    wanted = drawn(rng, 2.0)
    # Powers of two come out at any price.
    integers = [torch.tensor([-4.0, -2, -1, 0, 1, 2, 4])[one.round().clamp(-3, 3).long() + 3]
                for one in wanted]  # fmt: skip
    weights = [rule.begin(q, one) for q, one in zip(integers, wanted, strict=True)]
    found = rule.round(weights, [torch.zeros_like(one) for one in weights], adapt=False)
    begun = rule.round(weights, integers, adapt=False)
    for q, one in zip(integers, begun, strict=True):
        assert torch.equal(q, one)
    assert any(not torch.equal(q, one) for q, one in zip(integers, found, strict=True))
