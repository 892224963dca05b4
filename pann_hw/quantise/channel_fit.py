"""Weights of one layer with a step for each output channel, fitted and rounded within a cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from pann_hw.integer.network import Tensor
from pann_hw.quantise.channel_steps import (
    cheapest,
    nearest_units,
    units_of_scale,
    units_of_shortcut,
)
from pann_hw.quantise.fuse import Sum
from pann_hw.quantise.layer_fit import STEP_FRACTIONS, Fitted, LayerFit
from pann_hw.quantise.recipe import Recipe
from pann_hw.quantise.rounding import cost_table

__all__ = ["ChannelFit"]

_OCTAVES = 2.0 ** torch.arange(1, -9, -1, dtype=torch.float64)
_NEAR = 2.0 ** torch.arange(-0.75, 0.76, 0.25, dtype=torch.float64)
_LEAST_SCALE = 0.1
_LEAST_IMPORTANCE = 0.02
_LARGEST_IDENTITY = 2.0**16

Choose = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Which candidate each channel takes: an index (C,), given errors and costs (K, C)."""


@dataclass(frozen=True, eq=False)
class _Tried:
    """Integers (K, G, O, n) of each rounding at K units a channel; errors and costs (K, C)."""

    found: list[torch.Tensor]
    errors: torch.Tensor
    costs: torch.Tensor


class ChannelFit(LayerFit):
    """A layer's fit in which each output channel has a unit, and so a weight step, of its own.

    Errors count by importance. First each channel takes the best of units that are an octave apart,
    then of those that it may have within an octave of it.

    Parameters
    ----------
    importance : (C,) of an error's square
    scale : of the tensor to be made; it may move up where it is finer than the sums' units, and a
        few percent for a shortcut; None: any units will do
    """

    def __init__(
        self,
        layer: Sum,
        tensors: Mapping[str, Tensor],
        values: Mapping[str, torch.Tensor],
        wanted: torch.Tensor,
        recipe: Recipe,
        max_shift: int,
        importance: np.ndarray,
        scale: float | None,
    ) -> None:
        super().__init__(layer, tensors, values, wanted, recipe, max_shift)
        weights = torch.from_numpy(importance)
        # What calibration never needed may be needed after all.
        self._importance = (weights / weights.mean().clamp_min(1e-30)).clamp_min(_LEAST_IMPORTANCE)
        self._scale = scale

    def fit(self, cost: float) -> Fitted:
        """As :meth:`LayerFit.fit`, the cost shared out among channels."""
        scales = sum(rounding.scales.flatten() for rounding in self._roundings)
        assert isinstance(scales, torch.Tensor)
        found = self._by_channel(
            _at_least(scales) * _OCTAVES[:, None], self._recipe.thrift, None,
            partial(cheapest, limit=cost),
        )  # fmt: skip
        within = [(merit, one) for merit, one in found if one.cost <= cost]
        return min(within, key=lambda pair: pair[0])[1] if within else super().fit(cost)

    def fit_range(self, limits: tuple[int, int]) -> Fitted:
        """As :meth:`LayerFit.fit_range`, at the step of least error of each channel."""
        spans = torch.stack([rounding.spans.flatten() for rounding in self._roundings]).amax(0)
        steps = torch.from_numpy(STEP_FRACTIONS / max(1, *np.abs(limits)))
        found = self._by_channel(
            _at_least(spans) * steps[:, None], 0.0, limits, lambda errors, _: errors.argmin(0)
        )
        return min(found, key=lambda pair: pair[0])[1] if found else super().fit_range(limits)

    def _by_channel(
        self, first: torch.Tensor, thrift: float, limits: tuple[int, int] | None, choose: Choose
    ) -> list[tuple[float, Fitted]]:
        """The best at each scale worth trying, with the error by importance, requantising's too.

        None where the weights are all 0, and where a shortcut leaves no units.
        """
        if not first.any():
            return []
        if self._other is not None:
            first = first.clamp_min(self._other.scale / _LARGEST_IDENTITY)
        tried = self._round(first, thrift, limits)
        best = first.gather(0, choose(tried.errors, tried.costs)[None])
        scales = [self._scale]
        if self._scale is not None and float(best.max()) > self._scale:
            # Units above the scale would need factors above 1.
            scales += [max(self._scale, float(best.median())), float(best.max())]
        near = [self._near(best, scale, thrift, limits, choose) for scale in scales]
        return [one for one in near if one is not None]

    def _near(
        self,
        best: torch.Tensor,
        scale: float | None,
        thrift: float,
        limits: tuple[int, int] | None,
        choose: Choose,
    ) -> tuple[float, Fitted] | None:
        """At units near ``best`` (1, C)."""
        units = best * _NEAR[:, None]
        if scale is not None:
            allowed = units_of_scale(scale)
            if self._other is not None:
                scale, allowed = units_of_shortcut(scale, self._other.scale)
            if len(allowed) == 0:
                return None
            units = nearest_units(units, allowed)
        tried = self._round(units, thrift, limits)
        index = choose(tried.errors, tried.costs)[None]
        found = []
        for integers in tried.found:
            chosen = index.view(1, *integers.shape[1:3], 1).expand(1, *integers.shape[1:])
            found.append(integers.gather(0, chosen)[0])
        taken = units.gather(0, index)[0].numpy()
        sources = self._sources(found, taken)
        errors = tried.errors.gather(0, index)[0]
        error = float((errors / self._importance).sum())
        noise = 0.0 if scale is None else scale**2 / 12 * float(self._importance.sum())
        fitted = Fitted(sources, taken, self._cost(sources), error, scale)
        return float(errors.sum()) + noise, fitted

    def _round(self, units: torch.Tensor, thrift: float, limits: tuple[int, int] | None) -> _Tried:
        """At candidate units (K, C)."""
        found = []
        errors, costs = torch.zeros_like(units), torch.zeros_like(units)
        for rounding in self._roundings:
            step = units.view(len(units), *rounding.scales.shape)
            integers = rounding.round(step, thrift, limits)
            errors += rounding.error(integers, step).flatten(1) * self._importance
            costs += rounding.cost(integers).flatten(1)
            found.append(integers)
        if self._other is not None:
            weights = np.maximum(np.rint(self._other.scale / units.numpy()), 1).astype(np.int64)
            table = cost_table(int(weights.max()), self._max_shift)
            costs += self._other.bits * table[torch.from_numpy(weights)]
        return _Tried(found, errors, costs)


def _at_least(scales: torch.Tensor) -> torch.Tensor:
    """No channel's scale below a tenth of the mean, lest one of no weights has a step of 0."""
    return scales.clamp_min(_LEAST_SCALE * float(scales.mean()))
