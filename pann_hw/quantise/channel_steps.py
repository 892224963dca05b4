"""A weight step for each output channel: which there are, and which to take.

A channel's sums are requantised by a factor of their own, but all channels have one scale s. So
their units are those that a factor of two signed digits makes of it, ``unit = factor * s``. Beside
a shortcut, whose scale is t, a channel has an integer weight m for it: there the units are the
``factor * s`` of three digits within 1 % of a ``t / m``.

At a price of a flip, each channel takes the unit at which importance times error plus price is
least; the price is sought at which the flips come to what is allowed.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from pann_hw.integer.requantise import Scale

__all__ = ["DIGITS", "cheapest", "nearest_units", "units_of_scale", "units_of_shortcut"]

DIGITS = 3
"""Most signed digits of a channel's factor."""

_LEAST_FACTOR = 2.0**-24  # of Scale.nearest
_OCTAVES = 20
_DETAIL = 16
_IDENTITIES = 256
_RATIO_ERROR = 0.01
_BISECTIONS = 60


def units_of_scale(scale: float) -> np.ndarray:
    """``scale * factor`` for factors of two digits up to 1, ascending; at least 5 an octave."""
    wanted = 2.0 ** -np.arange(0, _OCTAVES, 1 / _DETAIL)
    units: np.ndarray = scale * np.unique([float(Scale.nearest(one).value) for one in wanted])
    return units


def units_of_shortcut(scale: float, shortcut: float) -> tuple[float, np.ndarray]:
    """The scale, moved by a few percent, and in ascending order units that go into the shortcut.

    The scale moves to where the shortcut's is a factor of three digits, times a power of two, of
    it, so that weights of 1, 2, 4, .. are exact. There may be no units where the shortcut's scale
    is out of all proportion.

    Parameters
    ----------
    scale : of the tensor to be made
    shortcut : scale of the tensor that the shortcut adds
    """
    octaves = max(0, math.ceil(math.log2(shortcut / scale)))
    ratio = shortcut / scale / 2**octaves
    if ratio >= _LEAST_FACTOR:
        scale = shortcut / 2**octaves / float(Scale.nearest(ratio, DIGITS).value)
    least = max(1, math.ceil(shortcut / scale * (1 - 1e-9)))
    weights = np.unique(np.round(np.geomspace(least, _IDENTITIES * least, _IDENTITIES)))
    units = set()
    for wanted in shortcut / scale / weights:
        if wanted >= _LEAST_FACTOR:
            factor = float(Scale.nearest(wanted, DIGITS).value)
            if abs(factor / wanted - 1) <= _RATIO_ERROR:
                units.add(scale * factor)
    return scale, np.array(sorted(units))


def nearest_units(wanted: torch.Tensor, units: np.ndarray) -> torch.Tensor:
    """For each wanted unit the one of ``units``, ascending, that is nearest to it in ratio."""
    logs = np.log(units)
    targets = np.log(wanted.numpy())
    above = np.searchsorted(logs, targets).clip(1, max(len(logs) - 1, 1))
    below = above - 1
    above = np.minimum(above, len(logs) - 1)
    nearer_below = targets - logs[below] <= logs[above] - targets
    return torch.from_numpy(units[np.where(nearer_below, below, above)])


def cheapest(errors: torch.Tensor, costs: torch.Tensor, limit: float) -> torch.Tensor:
    """Which candidate (C,) each channel takes: the least sum of errors within a sum of costs.

    By one price for all channels, so that what they leave of the limit is less than what one of
    them would take more. Where even the cheapest exceed the limit, these.

    Parameters
    ----------
    errors, costs : (K, C) of K candidates
    limit : what the chosen ones may cost together
    """
    chosen: torch.Tensor = costs.argmin(0)
    low, high = -60.0, 60.0
    scale = float(errors.mean()) / max(float(costs.mean()), 1e-30)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        index = (errors + scale * 2.0**middle * costs).argmin(0)
        if float(costs.gather(0, index[None]).sum()) <= limit:
            chosen, high = index, middle
        else:
            low = middle
    return chosen
