"""Calibration: what values a float graph's activations take, and where to clip them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pann_hw.integer.run import check_images
from pann_hw.network.graph import FloatGraph

__all__ = ["CLIPS", "Range", "Statistics", "calibrate", "choose_range"]

_BATCH = 64
_SAMPLES = 16384
_SEED = 0
_PERCENTILE = 99.9
_FRACTIONS = np.linspace(0.1, 1.0, 73)


CLIPS = ("mse", "percentile", "none")
"""Ways to choose where activations are clipped."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Values of one activation map over all calibration images.

    Attributes
    ----------
    minimum, maximum : over all values
    sample : float64 array of values drawn with a fixed seed, for the choice of a clip
    clip : how choose_range() clips: "mse" where the squared error is least, "percentile" at the
        0.1 % and 99.9 % points, "none" not at all
    """

    minimum: float
    maximum: float
    sample: np.ndarray
    clip: str = "mse"


@dataclass(frozen=True)
class Range:
    """An unsigned grid for real values: ``real = (q - zero_point) * step``, q in 0..2**bits - 1."""

    step: float
    zero_point: int


def calibrate(graph: FloatGraph, x: np.ndarray, clip: str = "mse") -> dict[str, Statistics]:
    """Statistics of every value of a graph by name, the input included.

    Parameters
    ----------
    x : images of shape (n, C, H, W), finite
    clip : of the statistics

    Raises
    ------
    InputError : x of wrong shape or dtype, empty or not finite
    """
    check_images(x, graph.input_shape, "calibration data")
    generator = np.random.default_rng(_SEED)
    batches = [x[start : start + _BATCH] for start in range(0, len(x), _BATCH)]
    per_batch = -(-_SAMPLES // len(batches))
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    samples: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        with torch.no_grad():
            values = graph.values(torch.from_numpy(np.ascontiguousarray(batch, np.float32)))
        for name, value in values.items():
            flat = value.numpy().ravel()
            low[name] = min(low.get(name, np.inf), float(flat.min()))
            high[name] = max(high.get(name, -np.inf), float(flat.max()))
            chosen = flat[generator.integers(0, flat.size, per_batch)]
            samples.setdefault(name, []).append(chosen.astype(np.float64))
    return {
        name: Statistics(low[name], high[name], np.concatenate(samples[name]), clip)
        for name in samples
    }


def choose_range(
    statistics: Statistics, bits: int, maximum: float | None = None, clip: bool = True
) -> Range:
    """The grid of a value's integers, clipped as its statistics say.

    By squared error: the least among clips of 10 % to 100 % of the range.
    Values that are never negative get a zero point of 0; others an unsigned zero point, at which
    0.0 is exact.

    Parameters
    ----------
    bits : width of the integers, 1..8
    maximum : no clip beyond it (ReLU6)
    clip : False takes the whole range (the network's input)
    """
    low = min(statistics.minimum, 0.0)
    high = max(statistics.maximum, 0.0)
    if maximum is not None:
        high = min(high, maximum)
    if high == low:
        return Range(1.0, 0)
    if clip and statistics.clip == "percentile":
        low = max(low, min(0.0, float(np.percentile(statistics.sample, 100 - _PERCENTILE))))
        high = min(high, max(0.0, float(np.percentile(statistics.sample, _PERCENTILE))))
        if high == low:
            return Range(1.0, 0)
    clip = clip and statistics.clip == "mse"
    ranges = [_grid(low * f, high * f, bits) for f in (_FRACTIONS if clip else _FRACTIONS[-1:])]
    return min(ranges, key=lambda one: _error(statistics.sample, one, bits))


def _grid(low: float, high: float, bits: int) -> Range:
    levels = 2**bits - 1
    step = (high - low) / levels
    return Range(step, int(np.clip(np.floor(-low / step + 0.5), 0, levels)))


def _error(values: np.ndarray, grid: Range, bits: int) -> float:
    q = np.floor(values / grid.step + (grid.zero_point + 0.5)).clip(0, 2**bits - 1)
    return float(np.mean(((q - grid.zero_point) * grid.step - values) ** 2))
