"""An integer network as a torch module that any training loop can train, within its budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, MaxPool, Tensor, sides
from pann_hw.quantise.budget import flips_per_mac, mean_additions
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.straight_through import clamp_round
from pann_hw.quantise.trainable_layer import LearnedLayer, TrainableLayer, Value, allowance
from pann_hw.quantise.weight_rules import CostRule, RangeRule, WeightRule

__all__ = ["TrainableNetwork"]

_BIAS_RATE, _STEP_RATE = 3.0, 0.3


class TrainableNetwork(nn.Module):
    """Weights, biases, weight steps and activation steps of an integer network, to be trained.

    ``forward(x)`` takes float inputs (n, C, H, W) and returns the float outputs (n, features) of
    the integer network that the parameters stand for; gradients see through its roundings. In
    training mode the price of an addition follows the weights, so that each layer keeps to its
    share of the budget. :meth:`integer` is that integer network, exactly::

        model = TrainableNetwork(prepared.fused, network, budget, max_shift)
        optimiser = torch.optim.Adam(model.parameter_groups(1e-3))
        for x, y in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()
        trained = model.integer()

    Batch normalisation is part of the weights and biases already, with its running statistics.

    Parameters
    ----------
    fused : the float network's layers
    network : their integer network to begin with, as post-training quantisation makes it
    budget : flips per MAC; what ``network`` leaves of it is shared out. None: the integers stay
        within ``limits`` instead
    max_shift : largest shift of a term on the hardware; 0 is unary
    limits : the least and the largest integer weight, as multipliers of some width take them

    Raises
    ------
    InputError : a network with several weight steps in one layer, or one beyond the budget
    ValueError : both a budget and limits, or neither
    """

    def __init__(
        self,
        fused: Fused,
        network: IntegerNetwork,
        budget: float | None,
        max_shift: int = 0,
        limits: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        if (budget is None) == (limits is None):
            raise ValueError(f"budget {budget}, limits {limits}: must be one of them")
        self._network, self._limits = network, limits
        self._budget = network.budget if budget is None else budget
        self._max_shift = max_shift
        tensors = network.tensors
        share = 1.0 if budget is None else _share(network, budget, max_shift)
        self.layers = nn.ModuleList()
        for made, layer in zip(network.layers, fused.layers, strict=True):
            if isinstance(made, MaxPool):
                self.layers.append(_Pool(made))
                continue
            assert isinstance(layer, Sum)
            if not layer.convolutions:
                self.layers.append(TrainableLayer(layer, made))
                continue
            unit = _unit(made, network.output_scale)
            rule = self._rule(made, share)
            self.layers.append(LearnedLayer(layer, made, tensors, unit, rule))

    def _rule(self, made: Accumulate, share: float) -> WeightRule:
        if self._limits is not None:
            return RangeRule(self._limits)
        tensors = self._network.tensors
        bits = [tensors[one.tensor].bits for one in made.sources if one.learned]
        allowed = share * allowance(made, tensors, self._max_shift)
        return CostRule(bits, allowed, self._max_shift)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters for an optimiser such as Adam, each kind with a learning rate that suits it.

        Parameters
        ----------
        rate : of weights, in units of their steps per optimiser's step; biases learn at 3 times it,
            steps, whose changes move all values at once, at 0.3 of it
        """
        groups: dict[float, list[nn.Parameter]] = {1.0: [], _BIAS_RATE: [], _STEP_RATE: []}
        for name, parameter in self.named_parameters():
            kind = name.split(".")[2]
            part = {"weights": 1.0, "bias": _BIAS_RATE}.get(kind, _STEP_RATE)
            groups[part].append(parameter)
        return [{"params": found, "lr": part * rate} for part, found in groups.items() if found]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float outputs (n, features) for float inputs (n, C, H, W)."""
        source = self._network.input
        q = clamp_round(x / source.scale + source.zero_point, 2**source.bits - 1)
        values = {source.name: Value(q, q.new_tensor(source.scale), source)}
        value = values[source.name]
        for layer in self.layers:
            value = layer(values)
            values[value.tensor.name] = value
        return (value.q * value.scale).flatten(1)

    @torch.no_grad()
    def integer(self) -> IntegerNetwork:
        """The integer network of the parameters as they are, within the budget."""
        tensors = {self._network.input.name: self._network.input}
        layers: list[Layer] = []
        output_scale = self._network.output_scale
        mode = self.training
        self.eval()
        for layer in self._each():
            if isinstance(layer, _Pool):
                made: Layer = layer.integer(tensors)
            else:
                if isinstance(layer, LearnedLayer):
                    layer.settle()
                parts = layer.parts(tensors)
                made = layer.integer(parts, tensors)
                output_scale = parts.units[0]
            tensors[made.output.name] = made.output
            layers.append(made)
        self.train(mode)
        network = IntegerNetwork(
            self._network.input, tuple(layers), output_scale, self._budget, self._network.bits
        )
        return replace(network, additions=mean_additions(network))

    def _each(self) -> Iterator[TrainableLayer | _Pool]:
        for layer in self.layers:
            assert isinstance(layer, TrainableLayer | _Pool)
            yield layer


class _Pool(nn.Module):
    """Max pooling: it has nothing to learn, and keeps its input's grid."""

    def __init__(self, made: MaxPool) -> None:
        super().__init__()
        self._made = made

    def integer(self, tensors: dict[str, Tensor]) -> MaxPool:
        scale = tensors[self._made.tensor].scale
        return replace(self._made, output=replace(self._made.output, scale=scale))

    def forward(self, values: dict[str, Value]) -> Value:
        read = values[self._made.tensor]
        padded = F.pad(read.q, sides(self._made))
        pooled = F.max_pool2d(padded, self._made.kernel, self._made.stride)
        return Value(pooled, read.scale, self.integer({self._made.tensor: read.tensor}).output)


def _share(network: IntegerNetwork, budget: float, max_shift: int) -> float:
    """What each layer may cost at the budget, over what it costs in a network within it."""
    spent = flips_per_mac(network, max_shift)
    if spent > budget:
        raise InputError(f"budget {budget:g} flips per MAC: the network takes {spent:.3g}")
    tensors = network.tensors
    learned = sum(
        allowance(made, tensors, max_shift) * made.output.shape[1] * made.output.shape[2]
        for made in network.layers
        if isinstance(made, Accumulate)
    )
    return 1 + (budget - spent) * network.macs / learned if learned else 1.0


def _unit(made: Accumulate, output_scale: float) -> float:
    """Real value of a unit of a layer's sums."""
    if made.scales is None:
        return output_scale
    if len(set(made.scales)) > 1:
        raise InputError(
            f"layer {made.output.name!r} has several weight steps, training takes one a layer: "
            f"quantise with channel_steps = False (--no-channel-steps)"
        )
    return made.output.scale * float(made.scales[0].value)
