"""Sums whose addends change on the way: against real sums, and against the walk of one stage."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.staged_walk import Stage, staged_walk
from pann_hw.power.unit import net_flips
from pann_hw.power.walk import walk

DOWN, UP = np.arange(-6, 4), np.arange(0, 12)


def even(values: np.ndarray) -> np.ndarray:
    return np.full(len(values), 1 / len(values))


def counted(addends: np.ndarray, lengths: np.ndarray, width: int) -> tuple[float, float]:
    """Flips of sum and register per addition; of each row, as many addends as its length."""
    flips = np.zeros(2)
    used = np.arange(addends.shape[1]) < lengths[:, None]
    sums = np.cumsum(addends, 1)
    # A sequence's sums, then the next one's; the register is 0 before each.
    flips[0] = net_flips(sums[used], width).sum()
    padded = np.pad(sums, ((0, 0), (1, 0)))
    flips[1] = net_flips(padded[np.pad(used, ((0, 0), (1, 0)), constant_values=True)], width).sum()
    total, register = flips / lengths.sum()
    return float(total), float(register)


@pytest.mark.parametrize("split", [0, 3, 9])
@pytest.mark.parametrize("length", [1, 2, 70])
@pytest.mark.parametrize("values", [DOWN, UP], ids=["down", "up"])
def test_one_stage(values: np.ndarray, length: int, split: int) -> None:
    expected = walk(values, even(values), length, 24, 1.5, split)
    found = staged_walk(Stage(values, even(values), length, 1.0, 1.5), [], 24, split)
    assert found.additions == length
    for name in ("sum", "register", "moved"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


@pytest.mark.parametrize("ends", [[(UP, 20, 1.0)], [(UP, 15, 0.6), (DOWN, 30, 0.3)]])
@pytest.mark.parametrize("length", [3, 50])
def test_stages_are_counted(
    length: int, ends: list[tuple[np.ndarray, int, float]], rng: np.random.Generator
) -> None:
    rows = 6000
    addends = rng.choice(DOWN, (rows, length + max(more for _, more, _ in ends)))
    kind = rng.choice(len(ends) + 1, rows, p=[*(s for *_, s in ends), 1 - sum(s for *_, s in ends)])
    lengths = np.full(rows, length)
    for index, (values, more, _) in enumerate(ends):
        chosen = kind == index
        lengths[chosen] += more
        addends[chosen, length:] = rng.choice(values, (chosen.sum(), addends.shape[1] - length))
    begin = Stage(DOWN, even(DOWN), length)
    stages = [Stage(values, even(values), more, share) for values, more, share in ends]
    found = staged_walk(begin, stages, 24, 4)
    assert found.additions == pytest.approx(lengths.mean(), rel=0.03)
    total, register = counted(addends, lengths, 24)
    assert found.sum == pytest.approx(total, rel=0.025)
    assert found.register == pytest.approx(register, rel=0.025)

    used = np.arange(addends.shape[1]) < lengths[:, None]
    upper = np.pad(np.cumsum(addends, 1), ((0, 0), (1, 0))) >> 4
    steps = np.diff(upper, axis=1)[used]
    for step, share in enumerate(found.steps.tolist(), found.lowest):
        assert share == pytest.approx((steps == step).mean(), abs=0.004), step
    assert found.steps.sum() == pytest.approx(1)
    assert found.moved == pytest.approx((steps != 0).mean(), abs=0.006)


@pytest.mark.parametrize("split", [1, 5, 8])
def test_steps_of_long_walks_of_wide_words(split: int, rng: np.random.Generator) -> None:
    """Too long to be exact: below the coarse places, steps are those of uniform low bits."""
    values = np.arange(-1500, 2001)
    found = staged_walk(Stage(values, even(values), 500), [], 32, split)
    upper = np.cumsum(rng.choice(values, (400, 500)), 1) >> split
    steps = np.concatenate([upper[:, 0], np.diff(upper, axis=1).ravel()])
    expected = np.bincount(steps - found.lowest, minlength=len(found.steps)) / len(steps)
    np.testing.assert_allclose(found.steps, expected, atol=5 * (expected.max() / len(steps)) ** 0.5)


def test_addends_of_one_sign_always_move() -> None:
    found = staged_walk(Stage(np.array([4, 9]), np.array([0.5, 0.5]), 5), [], 8, 2)
    assert found.lowest == 1
    assert found.moved == 1
