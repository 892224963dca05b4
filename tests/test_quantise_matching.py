"""Matched weights make up for what quantised inputs lack, and stay where that is chance."""

from __future__ import annotations

import numpy as np
import torch

from pann_hw.quantise.matching import matched
from pann_hw.quantise.moments import Moments


def seen(x: np.ndarray, target: np.ndarray) -> Moments:
    """Of inputs (samples, n) and targets (samples, O) without a mean."""
    count = len(x)
    return Moments(
        torch.from_numpy(x.T @ x / count)[None], torch.from_numpy(target.T @ x / count)[None]
    )


def error(weights: torch.Tensor, x: np.ndarray, target: np.ndarray) -> float:
    return float(((x @ weights[0].numpy().T - target) ** 2).mean())


def test_inputs_that_are_too_small_get_larger_weights(rng: np.random.Generator) -> None:
    true = rng.standard_normal((1, 3, 6))
    x = rng.standard_normal((4000, 6))
    target = x @ true[0].T
    halves = [seen(0.8 * x[half::2], target[half::2]) for half in (0, 1)]
    found = matched(torch.from_numpy(true), halves, 0.01)
    assert error(found, 0.8 * x, target) < 0.01 * error(torch.from_numpy(true), 0.8 * x, target)
    assert np.allclose(found.numpy() * 0.8, true, atol=0.02)


def test_least_squares_with_damping(rng: np.random.Generator) -> None:
    """``(C_tx + d w) (C + d)^-1`` with d the damping times C's mean diagonal."""
    weights = rng.standard_normal((1, 2, 5))
    x = rng.standard_normal((2000, 5)) @ rng.standard_normal((5, 5))
    target = 2 * x @ weights[0].T
    whole = seen(x, target)
    found = matched(torch.from_numpy(weights), [whole, whole], 0.05)
    covariance = whole.covariance[0].numpy()
    level = 0.05 * np.trace(covariance) / 5
    wanted = (whole.with_target[0].numpy() + level * weights[0]) @ np.linalg.inv(
        covariance + level * np.eye(5)
    )
    assert np.allclose(found[0].numpy(), wanted)


def test_chance_changes_nothing(rng: np.random.Generator) -> None:
    """Few noisy samples: what fits one half does harm on the other."""
    weights = rng.standard_normal((1, 3, 30))
    x = rng.standard_normal((40, 30))
    target = x @ weights[0].T + 5 * rng.standard_normal((40, 3))
    halves = [seen(x[half::2], target[half::2]) for half in (0, 1)]
    kept = torch.from_numpy(weights)
    found = matched(kept, halves, 0.01)
    assert error(found, x, x @ weights[0].T) < 0.1 * 25
    assert matched(kept, halves[:1], 0.01) is kept
