"""Quantisation layer by layer: each layer is fitted to what the quantised ones before it make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, Tensor, layer_macs
from pann_hw.network.graph import FloatGraph, evaluate
from pann_hw.network.graph import MaxPool as FloatMaxPool
from pann_hw.quantise.budget import WIDTHS, layer_flips
from pann_hw.quantise.build import build
from pann_hw.quantise.calibrate import Range
from pann_hw.quantise.channel_fit import ChannelFit
from pann_hw.quantise.correct import correct_bias
from pann_hw.quantise.evaluate import accumulators, activations, layer_values, quantised
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.layer import (
    Parts,
    accumulate,
    learned_parts,
    max_pool,
    requantised_by_channel,
    unlearned_parts,
)
from pann_hw.quantise.layer_fit import Fitted, LayerFit
from pann_hw.quantise.recipe import Recipe

__all__ = ["NO_IMPORTANCE", "Plan", "fit_in_order", "float_values", "quantise_layers"]

_BATCH = 64


@dataclass(frozen=True)
class Plan:
    """How a budget is shared out.

    Attributes
    ----------
    bits : width of each value that a layer makes, and of the input, by name
    flips : of each layer per inference, by name; only their ratios matter
    """

    bits: Mapping[str, int]
    flips: Mapping[str, float]


NO_IMPORTANCE: Mapping[str, np.ndarray] = {}
"""Of no channel: each layer has one weight step."""

Choose = Callable[[Sum, LayerFit, Sequence[Layer]], Fitted | None]
"""The weights of a layer, given the layers already made; None gives the network up."""


def quantise_layers(
    fused: Fused,
    ranges: Mapping[str, Range],
    plan: Plan,
    x: np.ndarray,
    recipe: Recipe,
    budget: float,
    max_shift: int,
    importance: Mapping[str, np.ndarray] = NO_IMPORTANCE,
) -> IntegerNetwork | None:
    """The integer network of a plan; None where the first share is too small for any weights.

    What one layer leaves of its share goes to those after it. Where additions and means take more
    than planned, so that hardly anything is left for a layer, the budget is exceeded.

    Parameters
    ----------
    ranges : the grid of each value at its width
    x : calibration images (n, C, H, W)
    budget : flips per MAC of the whole network
    importance : as :func:`fit_in_order` takes it
    """
    input_bits = plan.bits[fused.graph.input_name]
    template = build(fused, dict(ranges), max(plan.bits.values()), 1.0, input_bits)

    def choose(layer: Sum, fit: LayerFit, made: Sequence[Layer]) -> Fitted | None:
        tensors = {one.name: one for one in (template.input, *(other.output for other in made))}
        spent = sum(layer_flips(one, tensors, max_shift) for one in made)
        share = _share(fused, plan, len(made), budget * template.macs - spent)
        _, height, width = fused.graph.shapes[layer.unclamped]
        cost = share / (height * width)
        if cost <= fit.least_cost and not any(map(layer_macs, made)):
            return None
        return fit.fit(max(cost, fit.least_cost))

    return fit_in_order(
        fused, template, ranges, plan.bits, x, recipe, max_shift, choose, importance
    )


def fit_in_order(
    fused: Fused,
    template: IntegerNetwork,
    ranges: Mapping[str, Range],
    bits: Mapping[str, int],
    x: np.ndarray,
    recipe: Recipe,
    max_shift: int,
    choose: Choose,
    importance: Mapping[str, np.ndarray] = NO_IMPORTANCE,
) -> IntegerNetwork | None:
    """The integer network of which each layer is fitted on what those before it make.

    Parameters
    ----------
    template : what build() makes of ``fused`` with an input of the wanted width
    ranges : the grid of each value at its width
    bits : that width, by name of the value
    x : calibration images (n, C, H, W)
    importance : of the output channels (C,) of the layers, by name, that may have a weight step for
        each; the raw layer has one for all, since its outputs are compared with each other
    """
    tensors = {template.input.name: template.input}
    values = {template.input.name: quantised(template, x)}
    images = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    wanted = float_values(fused.graph, images)
    last_read = _last_read(fused)
    layers: list[Layer] = []
    output_scale = 1.0
    for index, layer in enumerate(fused.layers):
        if isinstance(layer, FloatMaxPool):
            made: Layer = max_pool(layer, tensors, fused.graph.shapes[layer.name])
            made_values = layer_values(made, values, tensors)
        elif not layer.convolutions:
            parts = unlearned_parts(layer, tensors)
            made = _made(layer, parts, tensors, fused.graph, ranges, bits)
            made_values = layer_values(made, values, tensors)
        else:
            target = _value(wanted, layer.unclamped)
            if layer.raw or layer.name not in importance:
                fit = LayerFit(layer, tensors, values, target, recipe, max_shift)
            else:
                fit = ChannelFit(
                    layer, tensors, values, target, recipe, max_shift,
                    importance[layer.name], ranges[layer.name].step,
                )  # fmt: skip
            fitted = choose(layer, fit, layers)
            if fitted is None:
                return None
            unit = float(fitted.units[0])
            if fitted.scale is None:
                parts = learned_parts(layer, fitted.sources, unit)
                made = _made(layer, parts, tensors, fused.graph, ranges, bits)
            else:
                grid = Range(fitted.scale, ranges[layer.name].zero_point)
                shape = fused.graph.shapes[layer.unclamped]
                made = requantised_by_channel(
                    layer, fitted.sources, fitted.units, tensors, grid, shape, bits[layer.name]
                )
            sums = accumulators(made, values, tensors)
            if recipe.correct_biases:
                means = target.double().mean((0, 2, 3)).numpy()
                made, sums = correct_bias(made, sums, means, unit)
            made_values = activations(made, sums)
        if isinstance(layer, Sum) and layer.raw:
            output_scale = parts.units[0]
        tensors[made.output.name] = made.output
        values[made.output.name] = made_values
        layers.append(made)
        for name in [name for name in values if last_read.get(name, -1) == index]:
            del values[name]
    return IntegerNetwork(template.input, tuple(layers), output_scale)


def float_values(graph: FloatGraph, x: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """Every value of a graph in order, each kept only as long as a later one reads it."""
    last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    values = {graph.input_name: x}
    for index, node in enumerate(graph.nodes):
        inputs = [values[name] for name in node.inputs]
        with torch.no_grad():
            parts = [
                evaluate(node, [value[start : start + _BATCH] for value in inputs])
                for start in range(0, len(x), _BATCH)
            ]
        values[node.name] = torch.cat(parts)
        for name in node.inputs:
            if last[name] == index:
                values.pop(name, None)
        yield node.name, values[node.name]


def _value(values: Iterator[tuple[str, torch.Tensor]], name: str) -> torch.Tensor:
    return next(value for found, value in values if found == name)


def _last_read(fused: Fused) -> dict[str, int]:
    last: dict[str, int] = {}
    for index, layer in enumerate(fused.layers):
        names = [b.value for b in layer.branches] if isinstance(layer, Sum) else layer.inputs
        last |= dict.fromkeys(names, index)
    return last


def _share(fused: Fused, plan: Plan, index: int, rest: float) -> float:
    """A layer's part of the flips that are left, when those without weights have had theirs."""
    later = fused.layers[index:]
    # A list: a set's order, and with it the rounding of sums over it, changes with each process.
    learned = [one.name for one in later if isinstance(one, Sum) and one.convolutions]
    fixed = sum(plan.flips.get(one.name, 0.0) for one in later if one.name not in learned)
    part = plan.flips[fused.layers[index].name] / sum(plan.flips[name] for name in learned)
    return (rest - fixed) * part


def _made(
    layer: Sum,
    parts: Parts,
    tensors: dict[str, Tensor],
    graph: FloatGraph,
    ranges: Mapping[str, Range],
    bits: Mapping[str, int],
) -> Accumulate:
    width = WIDTHS[-1] if layer.raw else bits[layer.name]
    shape = graph.shapes[layer.unclamped]
    return accumulate(layer, parts, tensors, ranges.get(layer.name), shape, width)
