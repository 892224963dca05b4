"""What each layer's rounding, and each activation's width, does to the network's output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from pann_hw.integer.network import Tensor
from pann_hw.network.graph import Convolution, FloatGraph, evaluate
from pann_hw.quantise.calibrate import Range
from pann_hw.quantise.channel_fit import ChannelFit
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.layer_fit import Fitted, LayerFit
from pann_hw.quantise.layerwise import NO_IMPORTANCE
from pann_hw.quantise.recipe import Recipe

__all__ = ["MEASURED_BITS", "Sensitivities", "measure"]

MEASURED_BITS = (3, 5, 7)
_MEASURED_COSTS = {True: (1.0, 1.5, 2.5, 4.5, 8.5), False: (0.8, 1.2, 1.7, 2.4, 3.4)}


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Squared error of the outputs, over their variance, that each part alone causes.

    Attributes
    ----------
    rounding : by layer with weights: pairs of (cost per weight and input bit, error)
    widths : by value made, and of the input: pairs of (bits, error)
    """

    rounding: Mapping[str, tuple[tuple[float, float], ...]]
    widths: Mapping[str, tuple[tuple[int, float], ...]]


def measure(
    fused: Fused,
    ranges: Callable[[int], Mapping[str, Range]],
    x: np.ndarray,
    recipe: Recipe,
    max_shift: int,
    importance: Mapping[str, np.ndarray] = NO_IMPORTANCE,
) -> Sensitivities:
    """Round one layer, or narrow one value, at a time in the float network.

    Parameters
    ----------
    ranges : the grids of all values at a width
    x : calibration images (n, C, H, W); about a hundred are enough
    recipe : weights are rounded under it
    importance : of the output channels of the layers, by name, that may have a step for each
    """
    graph = fused.graph
    with torch.no_grad():
        values = graph.values(torch.from_numpy(np.ascontiguousarray(x, np.float32)))
    variance = max(float(values[graph.output_name].double().var()), 1e-30)

    def error(name: str, value: torch.Tensor) -> float:
        found = _replayed(graph, values, name, value).double()
        wanted = values[graph.output_name].double()
        return float(((found - wanted) ** 2).mean()) / variance

    def narrowed(name: str) -> tuple[tuple[int, float], ...]:
        grids = {bits: ranges(bits)[name] for bits in MEASURED_BITS}
        return tuple(
            (bits, error(name, _narrowed(values[name], grid, bits))) for bits, grid in grids.items()
        )

    rounding, widths = {}, {graph.input_name: narrowed(graph.input_name)}
    for layer in fused.layers:
        if not isinstance(layer, Sum):
            continue
        if layer.convolutions:
            rounding[layer.name] = _rounding(
                layer, values, recipe, max_shift, importance.get(layer.name), error
            )
        if layer.name in ranges(MEASURED_BITS[0]):
            widths[layer.name] = narrowed(layer.name)
    return Sensitivities(rounding, widths)


def _rounding(
    layer: Sum,
    values: dict[str, torch.Tensor],
    recipe: Recipe,
    max_shift: int,
    importance: np.ndarray | None,
    error: Callable[[str, torch.Tensor], float],
) -> tuple[tuple[float, float], ...]:
    # Real values on a grid of 1: the fit sees no error but the rounding's.
    tensors = {
        branch.value: Tensor(branch.value, _shape(values[branch.value]), 1)
        for branch in layer.branches
    }
    wanted = values[layer.unclamped]
    if layer.raw or importance is None:
        fit = LayerFit(layer, tensors, values, wanted, recipe, max_shift)
    else:
        fit = ChannelFit(layer, tensors, values, wanted, recipe, max_shift, importance, None)
    weights = sum(operation.weight.numel() for operation in layer.convolutions)
    pairs = []
    for cost in _MEASURED_COSTS[max_shift == 0]:
        fitted = fit.fit(cost * weights)
        sums = wanted + _change(layer, fitted, values)
        pairs.append((fitted.cost / weights, error(layer.unclamped, sums)))
    return tuple(pairs)


def _change(layer: Sum, fitted: Fitted, values: dict[str, torch.Tensor]) -> torch.Tensor:
    """What rounding changes in the sums, its mean left to the bias."""
    learned = [source for source in fitted.sources if source.learned]
    units = torch.from_numpy(fitted.units).float().view(-1, 1, 1, 1)
    total: torch.Tensor | None = None
    for operation, source in zip(layer.convolutions, learned, strict=True):
        weight = torch.from_numpy(source.weights).float() * units - operation.weight
        node = Convolution(
            operation.name, operation.inputs, weight, torch.zeros_like(operation.bias),
            operation.stride, operation.padding, operation.groups, operation.end_padding,
        )  # fmt: skip
        with torch.no_grad():
            part = evaluate(node, [values[source.tensor]])
        total = part if total is None else total + part
    assert total is not None
    return total - total.mean((0, 2, 3), keepdim=True)


def _replayed(
    graph: FloatGraph, values: Mapping[str, torch.Tensor], name: str, value: torch.Tensor
) -> torch.Tensor:
    """The network's output where one value is another."""
    changed = {name: value}
    for node in graph.nodes:
        if node.name != name and any(one in changed for one in node.inputs):
            inputs = [changed.get(one, values[one]) for one in node.inputs]
            with torch.no_grad():
                changed[node.name] = evaluate(node, inputs)
    return changed.get(graph.output_name, values[graph.output_name])


def _narrowed(value: torch.Tensor, grid: Range, bits: int) -> torch.Tensor:
    q = torch.floor(value / grid.step + (grid.zero_point + 0.5)).clamp(0, 2**bits - 1)
    return (q - grid.zero_point) * grid.step


def _shape(value: torch.Tensor) -> tuple[int, int, int]:
    return value.shape[1], value.shape[2], value.shape[3]
