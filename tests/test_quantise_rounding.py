"""Rounding with error feedback does what its formula says, at any price of a term."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.terms import encode
from pann_hw.quantise.budget import additions_cost
from pann_hw.quantise.rounding import Rounding

DAMPING = 0.01


def covariance(rng: np.random.Generator, groups: int, inputs: int) -> torch.Tensor:
    """Of inputs that go together, as neighbouring pixels do."""
    mixed = rng.standard_normal((groups, inputs, inputs))
    mixed += 2 * rng.standard_normal((groups, 1, inputs))
    return torch.from_numpy(mixed.transpose(0, 2, 1) @ mixed / inputs)


def direct(weights: np.ndarray, damped: np.ndarray, order: list[int], price: float,
           max_shift: int) -> np.ndarray:  # fmt: skip
    """One output channel: each rounding error is made up for by least squares.

    After column j is fixed, the later ones become ``w_F - (C_FF)^-1 C_Fj e_j``; its error is what
    then remains, ``e_j^2 / (C_RR^-1)_jj`` with R the columns from j on.
    """
    left = weights.astype(np.float64).copy()
    result = np.zeros(len(left))
    for place, j in enumerate(order):
        rest = order[place:]
        later = order[place + 1 :]
        curvature = 1 / np.linalg.inv(damped[np.ix_(rest, rest)])[0, 0]
        near = range(int(np.floor(left[j] + 0.5)) - 2, int(np.floor(left[j] + 0.5)) + 3)
        cost = {q: len(encode(q, max_shift)) + 0.5 * (q != 0) for q in (*near, 0)}
        merit = {q: curvature * (left[j] - q) ** 2 + price * cost[q] for q in cost}
        result[j] = min(merit, key=lambda q: merit[q])
        error = left[j] - result[j]
        if later:
            pull = np.linalg.solve(damped[np.ix_(later, later)], damped[later, j])
            left[later] += pull * error
    return result


@pytest.mark.parametrize(("max_shift", "thrift"), [(0, 0.0), (0, 0.2), (3, 0.0), (3, 0.3)])
@pytest.mark.parametrize(("groups", "outputs", "inputs"), [(1, 5, 12), (6, 1, 9), (2, 3, 1)])
def test_formula(groups: int, outputs: int, inputs: int, max_shift: int, thrift: float,
                 rng: np.random.Generator) -> None:  # fmt: skip
    weights = torch.from_numpy(rng.laplace(size=(groups, outputs, inputs)))
    seen = covariance(rng, groups, inputs)
    damped = (
        seen + torch.eye(inputs) * DAMPING * seen.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    )
    order = seen.diagonal(dim1=1, dim2=2).sum(0).argsort(descending=True).tolist()
    found = Rounding(weights, seen, DAMPING, max_shift=max_shift).round(0.5, thrift)
    # The unit of price: what a weight wrong by 1 leaves, on average.
    unit = np.mean([
        1 / np.linalg.inv(damped[g].numpy()[np.ix_(order[j:], order[j:])])[0, 0]
        for g in range(groups) for j in range(inputs)
    ])  # fmt: skip
    for g in range(groups):
        for o in range(outputs):
            wanted = direct(
                weights[g, o].numpy() / 0.5, damped[g].numpy(), order, thrift * unit, max_shift
            )
            assert found[g, o].tolist() == wanted.tolist()


def test_without_feedback_each_weight_is_rounded_for_itself(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(2, 4, 9)))
    rounding = Rounding(weights, covariance(rng, 2, 9), DAMPING, feedback=False)
    assert torch.equal(rounding.round(0.25), torch.floor(weights / 0.25 + 0.5))


def test_feedback_leaves_less_error(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(1, 16, 40)))
    seen = covariance(rng, 1, 40)
    errors = []
    for feedback in (True, False):
        rounding = Rounding(weights, seen, DAMPING, feedback)
        errors.append(float(rounding.error(rounding.round(0.7), 0.7).sum()))
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("max_shift", [0, 3])
def test_thrift_at_equal_terms_leaves_less_error(max_shift: int, rng: np.random.Generator) -> None:
    rounding = Rounding(
        torch.from_numpy(rng.laplace(size=(1, 32, 40))), covariance(rng, 1, 40), DAMPING,
        max_shift=max_shift,
    )  # fmt: skip
    plain = rounding.round(1.0)
    allowed = rounding.cost(plain).sum()
    steps = np.linspace(1.0, 0.5, 60)
    thrifty = next(
        (found, step)
        for step in reversed(steps)
        if rounding.cost(found := rounding.round(float(step), 0.15)).sum() <= allowed
    )
    saved = float(rounding.error(thrifty[0], float(thrifty[1])).sum())
    assert saved < float(rounding.error(plain, 1.0).sum())


def test_limits_hold_and_feedback_makes_up_for_clipping(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(1, 16, 40)))
    seen = covariance(rng, 1, 40)
    errors = []
    for feedback in (True, False):
        rounding = Rounding(weights, seen, DAMPING, feedback)
        found = rounding.round(0.7, limits=(-2, 1))
        assert (float(found.min()), float(found.max())) == (-2, 1)
        errors.append(float(rounding.error(found, 0.7).sum()))
    assert errors[0] < 0.7 * errors[1]
    nearest = torch.floor(weights / 0.7 + 0.5).clamp(-2, 1)
    assert torch.equal(found, nearest)


def test_error_and_cost(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(2, 3, 7)))
    seen = covariance(rng, 2, 7)
    prices = torch.arange(1.0, 8.0, dtype=torch.float64)
    rounding = Rounding(weights, seen, 0.0, max_shift=2, prices=prices)
    found = rounding.round(0.3)
    wrong = (found * 0.3 - weights).numpy()
    for g in range(2):
        for o in range(3):
            wanted = wrong[g, o] @ seen[g].numpy() @ wrong[g, o]
            assert float(rounding.error(found, 0.3)[g, o]) == pytest.approx(wanted)
    integers = found.numpy().astype(np.int64)
    for g in range(2):
        for o in range(3):
            wanted = sum((j + 1) * additions_cost(integers[g, o, j], 2) for j in range(7))
            assert float(rounding.cost(found)[g, o]) == wanted


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("thrift", [0.0, 0.2])
def test_steps_of_channels_are_those_of_each_alone(
    feedback: bool, thrift: float, rng: np.random.Generator
) -> None:
    """Channels do not see each other; of several candidate steps each stands for itself."""
    weights = torch.from_numpy(rng.laplace(size=(1, 3, 7)))
    seen = covariance(rng, 1, 7)
    rounding = Rounding(weights, seen, DAMPING, feedback, max_shift=2)
    steps = torch.from_numpy(rng.uniform(0.2, 0.9, (4, 1, 3)))
    found = rounding.round(steps, thrift)
    errors, costs = rounding.error(found, steps), rounding.cost(found)
    assert found.shape == (4, 1, 3, 7)
    for k in range(4):
        for o in range(3):
            step = float(steps[k, 0, o])
            alone = rounding.round(step, thrift)
            assert torch.equal(found[k, 0, o], alone[0, o])
            assert float(errors[k, 0, o]) == pytest.approx(float(rounding.error(alone, step)[0, o]))
            assert costs[k, 0, o] == rounding.cost(alone)[0, o]


def test_thrift_of_a_channel_is_of_its_own_group(rng: np.random.Generator) -> None:
    """Inputs of a hundred times the variance make a term worth a hundred times the error."""
    weights = torch.from_numpy(rng.laplace(size=(1, 2, 9))).repeat(2, 1, 1)
    seen = covariance(rng, 1, 9)
    rounding = Rounding(weights, torch.cat([seen, 100 * seen]), DAMPING)
    found = rounding.round(torch.full((2, 2), 0.5).double(), 0.3)
    assert torch.equal(found[0], found[1])
    one = rounding.round(0.5, 0.3)
    assert float(one[0].abs().sum()) < float(one[1].abs().sum())


def test_scales_and_spans_of_channels(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(2, 3, 7)))
    rounding = Rounding(weights, covariance(rng, 2, 7), DAMPING)
    assert torch.allclose(rounding.scales, weights.abs().mean(2))
    assert torch.equal(rounding.spans, weights.abs().amax(2))
    assert rounding.largest == float(weights.abs().max())
    assert rounding.scale == pytest.approx(float(weights.abs().mean()))


def test_dear_terms_of_one_input_are_spared(rng: np.random.Generator) -> None:
    weights = torch.from_numpy(rng.laplace(size=(1, 64, 2)))
    prices = torch.tensor([1.0, 7.0], dtype=torch.float64)
    rounding = Rounding(weights, torch.eye(2).double()[None], 0.0, prices=prices)
    found = rounding.round(0.5, 0.3).abs().sum((0, 1))
    assert found[1] < 0.8 * found[0]


def test_inputs_that_never_move() -> None:
    weights = torch.ones(1, 2, 3, dtype=torch.float64)
    rounding = Rounding(weights, torch.zeros(1, 3, 3, dtype=torch.float64), DAMPING)
    assert torch.isfinite(rounding.round(0.3, 0.1)).all()


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"must be \(2, 4, 4\)"):
        Rounding(torch.zeros(2, 1, 4).double(), torch.zeros(1, 4, 4).double(), DAMPING)
