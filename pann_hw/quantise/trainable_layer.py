"""The layers of an integer network as torch modules, whose weights, biases and steps learn.

Forward each makes the integer layer of its parameters as they are, as
:mod:`pann_hw.quantise.layer` does, and runs it on integers held in floats; backward the roundings
are seen through. So what training sees is the integer network itself, up to float32 at exact ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from pann_hw.integer.network import Accumulate, Source, Tensor, sides
from pann_hw.network.graph import Convolution
from pann_hw.quantise.budget import additions_cost
from pann_hw.quantise.calibrate import Range
from pann_hw.quantise.fuse import Sum
from pann_hw.quantise.layer import Parts, keeps_grid, raw, requantised, unlearned_parts
from pann_hw.quantise.sources import copies
from pann_hw.quantise.straight_through import clamp_round, same, through
from pann_hw.quantise.weight_rules import WeightRule

__all__ = ["LearnedLayer", "TrainableLayer", "Value"]


@dataclass(frozen=True, eq=False)
class Value:
    """Integers q of the type ``tensor``, as floats (n, C, H, W); a unit's real value is ``scale``,
    which has a gradient."""

    q: torch.Tensor
    scale: torch.Tensor
    tensor: Tensor


class TrainableLayer(nn.Module):
    """A sum without convolutions. Its output's step learns, where it has one of its own.

    Parameters
    ----------
    layer, made : the float sum, and the integer layer to begin with
    """

    def __init__(self, layer: Sum, made: Accumulate) -> None:
        super().__init__()
        self.layer, self.made = layer, made
        own = not layer.raw and not keeps_grid(layer)
        self.log_step = nn.Parameter(torch.zeros(())) if own else None

    def parts(self, tensors: Mapping[str, Tensor]) -> Parts:
        """The sources, units and bias as they are now."""
        return unlearned_parts(self.layer, tensors)

    def integer(self, parts: Parts, tensors: Mapping[str, Tensor], digits: int = 2) -> Accumulate:
        """The integer layer of these parts."""
        output = self.made.output
        if self.layer.raw:
            return raw(self.layer, parts, tensors, output)
        if self.log_step is None:
            step = tensors[self.layer.branches[0].value].scale
        else:
            step = output.scale * float(self.log_step.detach().double().exp())
        grid = Range(step, output.zero_point)
        return requantised(self.layer, parts, tensors, grid, output.shape, output.bits, digits)

    def forward(self, values: Mapping[str, Value]) -> Value:
        """What the layer makes of the values that it reads; a raw layer's sums have no clamp."""
        tensors = {branch.value: values[branch.value].tensor for branch in self.layer.branches}
        parts = self.parts(tensors)
        live = self.integer(parts, tensors)
        unit = self._unit(values, parts)
        sums = self._bias(live, tensors, unit).view(1, -1, 1, 1)
        for source, weights in zip(live.sources, self._weights(live.sources, unit), strict=True):
            value = values[source.tensor]
            part = _windows(source, value.q - value.tensor.zero_point, weights)
            sums = sums + _placed(part, source.first_channel, live.output.shape[0])
        if live.scales is None:
            return Value(sums, parts.units[0] * same(unit), live.output)
        factors = sums.new_tensor([float(scale.value) for scale in live.scales]).view(1, -1, 1, 1)
        if self.log_step is None:
            return Value(
                clamp_round(sums * factors, live.q_max), live.output.scale * same(unit), live.output
            )
        step = same(self.log_step.exp())
        q = clamp_round(sums * (factors * same(unit) / step), live.q_max)
        return Value(q, live.output.scale * step, live.output)

    def _unit(self, values: Mapping[str, Value], parts: Parts) -> torch.Tensor:
        """Real value of one unit of the sums; only its gradient is used, and its value."""
        first = values[self.layer.branches[0].value].scale
        return parts.units[0] * same(first)

    def _bias(
        self, live: Accumulate, tensors: Mapping[str, Tensor], unit: torch.Tensor
    ) -> torch.Tensor:
        """The bias in units of the sums, for inputs without their zero points."""
        return torch.from_numpy(_unfolded(live, tensors)).to(unit)

    def _weights(self, sources: Sequence[Source], unit: torch.Tensor) -> list[torch.Tensor]:
        return [torch.from_numpy(source.weights).to(unit) for source in sources]


class LearnedLayer(TrainableLayer):
    """A sum with convolutions, whose integer weights keep to a rule.

    The weights are kept in units of their step.

    Parameters
    ----------
    layer, made : the float sum, and the integer layer to begin with
    tensors : those that the layer reads, by name
    unit : real value of a unit of the sums of ``made``
    rule : what integers the weights may be
    """

    def __init__(
        self,
        layer: Sum,
        made: Accumulate,
        tensors: Mapping[str, Tensor],
        unit: float,
        rule: WeightRule,
    ) -> None:
        super().__init__(layer, made)
        self._rule = rule
        self._learned = tuple(source for source in made.sources if source.learned)
        self._other = next(
            (b.value for b in layer.branches if not isinstance(b.operation, Convolution)), None
        )
        identities = [np.abs(one.weights).max() for one in made.sources if not one.learned]
        self._identity = int(max(identities, default=1))
        first = tensors[self._learned[0].tensor]
        self._gamma = unit / first.scale
        self.log_gamma = nn.Parameter(torch.zeros(())) if self._other is None else None
        self._bias_unit = unit if made.scales is None else made.output.scale
        bias = (_unfolded(made, tensors) - _offset(made)) * unit / self._bias_unit
        self.bias = nn.Parameter(torch.from_numpy(bias).float())
        self.weights = nn.ParameterList()
        for index, (source, operation) in enumerate(
            zip(self._learned, layer.convolutions, strict=True)
        ):
            integers = torch.from_numpy(source.weights).float()
            wanted = operation.weight.detach() * (tensors[source.tensor].scale / unit)
            self.weights.append(nn.Parameter(rule.begin(integers, wanted)))
            self.register_buffer(f"integers{index}", integers)

    def parts(self, tensors: Mapping[str, Tensor]) -> Parts:
        """The sources, units and bias as they are now; in training the rule adapts."""
        found = self._rule.round(list(self.weights), self._held(), adapt=self.training)
        if self.training:
            self._hold(found)
        learned = [
            replace(source, weights=weights.cpu().numpy().astype(np.int64))
            for source, weights in zip(self._learned, found, strict=True)
        ]
        branches = self.layer.branches
        inputs = [tensors[branch.value] for branch in branches]
        others = copies(branches, inputs, [self._identity] * len(inputs))
        first = isinstance(branches[0].operation, Convolution)
        sources = (*learned, *others) if first else (*others, *learned)
        if self.log_gamma is None:
            assert self._other is not None
            unit = tensors[self._other].scale / self._identity
        else:
            stretch = float(self.log_gamma.detach().double().exp())
            unit = tensors[self._learned[0].tensor].scale * self._gamma * stretch
        bias = self.bias.detach().double().cpu().numpy() * self._bias_unit
        return Parts(sources, (unit,) * len(sources), bias)

    def integer(self, parts: Parts, tensors: Mapping[str, Tensor], digits: int = 3) -> Accumulate:
        """The integer layer of these parts; a factor of three digits lets its step move freely."""
        return super().integer(parts, tensors, digits)

    @torch.no_grad()
    def settle(self) -> None:
        """Make the integers keep to the rule."""
        weights = list(self.weights)
        if self._rule.settle(weights, self._held()):
            self._hold(self._rule.round(weights, self._held(), adapt=False))

    def _held(self) -> list[torch.Tensor]:
        return [getattr(self, f"integers{index}") for index in range(len(self.weights))]

    def _hold(self, integers: Sequence[torch.Tensor]) -> None:
        for held, one in zip(self._held(), integers, strict=True):
            held.copy_(one)

    def _unit(self, values: Mapping[str, Value], parts: Parts) -> torch.Tensor:
        if self.log_gamma is None:
            assert self._other is not None
            return parts.units[0] * same(values[self._other].scale)
        first = values[self._learned[0].tensor].scale
        return parts.units[0] * same(first) * same(self.log_gamma.exp())

    def _bias(
        self, live: Accumulate, tensors: Mapping[str, Tensor], unit: torch.Tensor
    ) -> torch.Tensor:
        latent = self.bias * (self._bias_unit / unit)
        return through(latent, torch.from_numpy(_unfolded(live, tensors)).to(latent))

    def _weights(self, sources: Sequence[Source], unit: torch.Tensor) -> list[torch.Tensor]:
        latent = iter(self.weights)
        return [
            through(self._rule.latent(next(latent)), weights) if source.learned else weights
            for source, weights in zip(sources, super()._weights(sources, unit), strict=True)
        ]


def allowance(made: Accumulate, tensors: Mapping[str, Tensor], max_shift: int) -> float:
    """What the learned weights of a layer cost: sum of input bits times ``additions_cost``."""
    return sum(
        tensors[source.tensor].bits * additions_cost(source.weights, max_shift)
        for source in made.sources
        if source.learned
    )


def _unfolded(made: Accumulate, tensors: Mapping[str, Tensor]) -> np.ndarray:
    """The bias in units of the sums, inputs' zero points taken out of it again, as float64."""
    bias: np.ndarray = made.bias.astype(np.float64)
    for source in made.sources:
        end = source.first_channel + len(source.weights)
        zero_point = tensors[source.tensor].zero_point
        bias[source.first_channel : end] += zero_point * source.weights.sum((1, 2, 3))
    return bias


def _offset(made: Accumulate) -> np.ndarray:
    """What of the bias stands for the output's zero point, in units of the sums."""
    if made.scales is None:
        return np.zeros(len(made.bias))
    return np.array([made.output.zero_point / float(scale.value) for scale in made.scales])


def _windows(source: Source, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    if source.groups == len(weights) and weights[0].numel() == 1 and source.stride == (1, 1):
        # An identity: torch is slow at groups of one channel.
        return F.pad(x, sides(source)) * weights.view(1, -1, 1, 1)
    padding = source.padding
    if source.end_padding is not None:
        x, padding = F.pad(x, sides(source)), (0, 0)
    return F.conv2d(x, weights, None, source.stride, padding, 1, source.groups)


def _placed(part: torch.Tensor, first: int, channels: int) -> torch.Tensor:
    """A part's sums among those of all channels."""
    return F.pad(part, (0, 0, 0, 0, first, channels - first - part.shape[1]))
