"""Weights of one layer, fitted to its float sums on given inputs and rounded within a cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from pann_hw.integer.network import Source, Tensor
from pann_hw.network.graph import Convolution
from pann_hw.quantise.budget import LEAST_COST, additions_cost
from pann_hw.quantise.evaluate import windows
from pann_hw.quantise.fuse import Sum
from pann_hw.quantise.matching import matched
from pann_hw.quantise.moments import moments
from pann_hw.quantise.recipe import Recipe
from pann_hw.quantise.rounding import Rounding
from pann_hw.quantise.sources import convolution, copies

__all__ = ["STEP_FRACTIONS", "Fitted", "LayerFit"]

STEP_FRACTIONS = 0.9 ** np.arange(25)
"""Of the largest step at which hardly a weight is clipped: those that fit_range() tries."""

_TRIALS = 7
_CLOSE = 0.995
_LEAST_PRICE = 1e-3


@dataclass(frozen=True, eq=False)
class Fitted:
    """Integer sources of a layer.

    Attributes
    ----------
    sources : in the order of the layer's branches
    units : (C,) real value of one unit of the sums, for each output channel
    cost : flips per output position
    error : squared error of the sums over data (mean error excepted), summed over channels
    scale : of the tensor to be made, of which each unit is a factor; None where all units are one,
        which is then what the factor is chosen for
    """

    sources: tuple[Source, ...]
    units: np.ndarray
    cost: float
    error: float
    scale: float | None = None


class LayerFit:
    """A layer's weights, inputs and target, ready to be rounded at any cost.

    Parameters
    ----------
    layer : with at least one convolution
    tensors : the tensors that it reads, by name
    values : their integers on calibration data (n, C, H, W), by name
    wanted : the float network's sums ahead of the clamp (n, C, H, W)
    """

    def __init__(
        self,
        layer: Sum,
        tensors: Mapping[str, Tensor],
        values: Mapping[str, torch.Tensor],
        wanted: torch.Tensor,
        recipe: Recipe,
        max_shift: int,
    ) -> None:
        self._layer, self._recipe, self._max_shift = layer, recipe, max_shift
        self._outputs = wanted.shape[1]
        self._inputs = [tensors[branch.value] for branch in layer.branches]
        self._learned = [
            convolution(branch.operation, tensor, 1.0)
            for branch, tensor in zip(layer.branches, self._inputs, strict=True)
            if isinstance(branch.operation, Convolution)
        ]
        self._other = next(
            (
                tensor
                for branch, tensor in zip(layer.branches, self._inputs, strict=True)
                if not isinstance(branch.operation, Convolution)
            ),
            None,
        )
        target = wanted
        for source in self._others(np.ones(self._outputs, np.int64)):
            tensor = tensors[source.tensor]
            taken = windows(source, values[source.tensor], tensor) * tensor.scale
            target = target.clone()
            target[:, source.first_channel : source.first_channel + taken.shape[1]] -= taken
        # Sources of different groups have no covariance in common.
        alike = len({source.groups for source in self._learned}) == 1
        parts = [self._learned] if alike else [[source] for source in self._learned]
        start = 0
        self._roundings = []
        for part in parts:
            operations = layer.convolutions[start : start + len(part)]
            start += len(part)
            self._roundings.append(self._rounding(part, operations, tensors, values, target, alike))

    def _rounding(
        self,
        sources: Sequence[Source],
        operations: Sequence[Convolution],
        tensors: Mapping[str, Tensor],
        values: Mapping[str, torch.Tensor],
        target: torch.Tensor,
        alone: bool,
    ) -> Rounding:
        weights = torch.cat(
            [
                _grouped(operation) * tensors[source.tensor].scale
                for source, operation in zip(sources, operations, strict=True)
            ],
            2,
        )
        # Two halves, so that what is fitted to one can be tried on the other.
        names = {source.tensor for source in sources}
        halves = [
            moments(
                sources, {name: values[name][half::2] for name in names}, tensors, target[half::2]
            )
            for half in range(min(2, len(target)))
        ]
        recipe = self._recipe
        covariance = torch.stack([half.covariance for half in halves]).mean(0)
        if recipe.match_float and alone:
            weights = matched(weights, halves, recipe.damping)
        prices = torch.cat(
            [
                torch.full((source.weights[0].size,), float(tensors[source.tensor].bits))
                for source in sources
            ]
        ).double()
        return Rounding(
            weights, covariance, recipe.damping, recipe.feedback, self._max_shift, prices
        )

    @property
    def least_cost(self) -> float:
        """Flips per position below which hardly a weight is left."""
        bits = {tensor.name: tensor.bits for tensor in self._inputs}
        return sum(
            LEAST_COST * bits[source.tensor] * source.weights.size for source in self._learned
        )

    def fit(self, cost: float) -> Fitted:
        """The sources that come closest to ``cost`` flips per position from below.

        First the step is sought at the recipe's thrift. A shortcut beside the convolution needs an
        integer weight: the step becomes the next smaller at which it has one, and the thrift then
        makes up for the difference.
        """
        thrift = self._recipe.thrift
        scale = sum(rounding.scale for rounding in self._roundings)
        if scale == 0:
            return self._at(1.0 if self._other is None else self._other.scale, 0.0)
        trial = self._search(lambda step: self._at(step, thrift), scale, cost)
        if self._other is None:
            return trial
        weight = max(1, int(np.ceil(self._other.scale / trial.units[0] - 1e-9)))
        step = self._other.scale / weight
        found = self._at(step, thrift)
        if found.cost <= cost:
            return found
        low = max(thrift, _LEAST_PRICE)
        return self._search(lambda price: self._at(step, price), low, cost)

    def fit_range(self, limits: tuple[int, int]) -> Fitted:
        """The sources of least error whose learned integers are within limits, both included.

        Steps are tried from that at which hardly a weight is clipped down to 8 % of it. Beside a
        shortcut only those at which it has an integer weight.
        """
        largest = max(rounding.largest for rounding in self._roundings)
        if largest == 0:
            return self._at(1.0 if self._other is None else self._other.scale, 0.0)
        steps = largest / max(1, *np.abs(limits)) * STEP_FRACTIONS
        if self._other is not None:
            weights = np.maximum(np.floor(self._other.scale / steps + 0.5), 1)
            steps = self._other.scale / np.unique(weights)
        found = [self._at(float(step), 0.0, limits) for step in steps]
        return min(found, key=lambda one: one.error)

    def _search(self, make: Callable[[float], Fitted], start: float, cost: float) -> Fitted:
        """The dearest result within the cost, for a parameter of which less costs more."""
        best: Fitted | None = None
        low: tuple[float, float] | None = None
        high: tuple[float, float] | None = None
        at = start
        for _ in range(40):
            found = make(at)
            if found.cost <= cost:
                high = (at, found.cost)
                if best is None or found.cost > best.cost:
                    best = found
                if found.cost >= _CLOSE * cost:
                    break
                at /= 2
            else:
                low = (at, found.cost)
                at *= 2
            if low is not None and high is not None:
                break
        assert best is not None
        if low is None or high is None:
            return best
        for _ in range(_TRIALS):
            part = (low[1] - cost) / max(low[1] - high[1], 1e-30)
            part = min(max(part, 0.1), 0.9)
            at = low[0] * (high[0] / low[0]) ** part
            found = make(at)
            if found.cost <= cost:
                high = (at, found.cost)
                if found.cost > best.cost:
                    best = found
                if found.cost >= _CLOSE * cost:
                    break
            else:
                low = (at, found.cost)
        return best

    def _at(self, step: float, thrift: float, limits: tuple[int, int] | None = None) -> Fitted:
        found = [rounding.round(step, thrift, limits) for rounding in self._roundings]
        error = sum(
            float(rounding.error(one, step).sum())
            for rounding, one in zip(self._roundings, found, strict=True)
        )
        sources = self._sources(found, np.full(self._outputs, step))
        return Fitted(sources, np.full(self._outputs, step), self._cost(sources), error)

    def _sources(self, found: Sequence[torch.Tensor], units: np.ndarray) -> tuple[Source, ...]:
        """Sources with the integers (G, O, n) of each rounding, in the order of the branches."""
        learned: list[Source] = []
        for weights in found:
            start = 0
            while start < weights.shape[2]:
                source = self._learned[len(learned)]
                end = start + source.weights[0].size
                part = weights[:, :, start:end].reshape(source.weights.shape)
                learned.append(replace(source, weights=part.numpy().astype(np.int64)))
                start = end
        others: list[Source] = []
        if self._other is not None:
            others = self._others(
                np.maximum(np.rint(self._other.scale / units), 1).astype(np.int64)
            )
        first = isinstance(self._layer.branches[0].operation, Convolution)
        return (*learned, *others) if first else (*others, *learned)

    def _others(self, weights: np.ndarray) -> list[Source]:
        """What is no convolution, times an integer for each output channel."""
        ones = copies(self._layer.branches, self._inputs, [1] * len(self._inputs))
        return [
            replace(
                one,
                weights=one.weights * weights[start : start + len(one.weights), None, None, None],
            )
            for one in ones
            for start in (one.first_channel,)
        ]

    def _cost(self, sources: Sequence[Source]) -> float:
        bits = {tensor.name: tensor.bits for tensor in self._inputs}
        return sum(
            bits[source.tensor] * additions_cost(source.weights, self._max_shift)
            for source in sources
        )


def _grouped(operation: Convolution) -> torch.Tensor:
    """Weights as (G, O, inputs of an output channel)."""
    weight = operation.weight.detach().double()
    return weight.reshape(operation.groups, weight.shape[0] // operation.groups, -1)
