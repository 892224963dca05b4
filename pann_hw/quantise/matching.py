"""Weights that make the float layer's sums of the quantised inputs, by ridge regression."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pann_hw.quantise.moments import Moments

__all__ = ["matched"]

_DAMPINGS = (5.0, 25.0, 125.0, 625.0)


def matched(weights: torch.Tensor, halves: Sequence[Moments], damping: float) -> torch.Tensor:
    """``argmin_v E |t - v x|^2 + d |v - w|^2``: ``(C_tx + d w) (C + d)^-1``.

    The damping d is that at which a fit to one half of the data errs least on the other; where
    even the strongest does more harm than good, the weights stay.

    Parameters
    ----------
    weights : (G, O, n), as the float layer has them
    halves : moments of inputs and target over each half of the data
    damping : the weakest that is tried, as a part of the covariance's mean diagonal
    """
    best, least = None, 0.0
    if len(halves) == 2:
        for level in (damping, *(damping * stronger for stronger in _DAMPINGS)):
            gain = sum(
                _excess(_ridge(weights, one, level), other) - _excess(weights, other)
                for one, other in (halves, halves[::-1])
            )
            if gain < least:
                best, least = level, gain
    if best is None:
        return weights
    covariance = (halves[0].covariance + halves[1].covariance) / 2
    with_target = (halves[0].with_target + halves[1].with_target) / 2
    return _ridge(weights, Moments(covariance, with_target), best)


def _ridge(weights: torch.Tensor, seen: Moments, damping: float) -> torch.Tensor:
    covariance = seen.covariance
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    level = damping * diagonal.mean(1).clamp_min(1e-30)[:, None, None]
    damped = covariance + level * torch.eye(covariance.shape[1], dtype=torch.float64)
    wanted = seen.with_target + level * weights
    result: torch.Tensor = torch.linalg.solve(damped, wanted.transpose(1, 2)).transpose(1, 2)
    return result


def _excess(weights: torch.Tensor, seen: Moments) -> float:
    """``E |t - v x|^2`` less the variance of t."""
    return float(((weights @ seen.covariance) * weights - 2 * weights * seen.with_target).sum())
