"""Which points are worth their flips: those that no other beats in one figure without losing in
the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pann_hw.sweep.point import Figures

__all__ = ["METRICS", "default_metric", "merit", "pareto_front"]

METRICS = ("accuracy", "agreement", "error")
"""Figures that points can be compared by."""


def default_metric(labelled: bool, inputs: int, outputs: int) -> str:
    """The figure to compare points by.

    Accuracy where there are labels. Without: error where the outputs cannot be classes, one number
    or as many as the inputs (a regression, an autoencoder); else agreement.
    """
    if labelled:
        return "accuracy"
    return "error" if outputs in (1, inputs) else "agreement"


def merit(figures: Figures, metric: str) -> float:
    """A figure such that more is better.

    Raises
    ------
    ValueError : accuracy that is unknown, or no such metric
    """
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r}: must be one of {', '.join(METRICS)}")
    value = getattr(figures, metric)
    if value is None:
        raise ValueError("accuracy is unknown: the images have no labels")
    return -float(value) if metric == "error" else float(value)


def pareto_front(costs: Sequence[float], merits: Sequence[float]) -> list[bool]:
    """For each point whether no other is at least as good in both figures and better in one.

    ``on[i] = not any(c[j] <= c[i] and m[j] >= m[i] and (c[j] < c[i] or m[j] > m[i]) for all j)``;
    equal points are on the front together.

    Parameters
    ----------
    costs, merits : finite; less cost and more merit is better

    Raises
    ------
    ValueError : numbers that are not finite, or not as many costs as merits
    """
    pairs = list(zip(costs, merits, strict=True))
    if not all(math.isfinite(value) for pair in pairs for value in pair):
        raise ValueError("costs and merits must be finite")
    front: set[tuple[float, float]] = set()
    best = -math.inf
    for cost, value in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if value > best:
            best = value
            front.add((cost, value))
    return [pair in front for pair in pairs]
