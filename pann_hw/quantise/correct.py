"""Bias correction: each layer's mean error on calibration data, taken out through its bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer
from pann_hw.quantise.evaluate import accumulators, activations, layer_values, quantised
from pann_hw.quantise.fuse import Fused, Sum

__all__ = ["channel_means", "correct_bias", "correct_biases"]

_EXACT = 2**24
"""Below it float32 holds every integer."""


def channel_means(fused: Fused, x: np.ndarray) -> dict[str, np.ndarray]:
    """Mean per channel of every float value by name, over images x of shape (n, C, H, W)."""
    with torch.no_grad():
        values = fused.graph.values(torch.from_numpy(np.ascontiguousarray(x, np.float32)))
    return {name: value.double().mean((0, 2, 3)).numpy() for name, value in values.items()}


def correct_biases(
    network: IntegerNetwork, fused: Fused, means: dict[str, np.ndarray], x: np.ndarray
) -> IntegerNetwork:
    """A network whose learned layers have, ahead of their clamps, the float network's means.

    In order of execution, so that each layer sees what the corrected ones before it make.

    Parameters
    ----------
    network : what build() made of ``fused``
    means : channel_means() of the same x
    """
    tensors = network.tensors
    values = {network.input.name: quantised(network, x)}
    layers: list[Layer] = []
    for layer, source in zip(network.layers, fused.layers, strict=True):
        if isinstance(layer, Accumulate) and isinstance(source, Sum) and source.convolutions:
            sums = accumulators(layer, values, tensors)
            wanted = means[source.unclamped]
            changed, sums = correct_bias(layer, sums, wanted, network.output_scale)
            layers.append(changed)
            values[layer.output.name] = activations(layer, sums)
        else:
            layers.append(layer)
            values[layer.output.name] = layer_values(layer, values, tensors)
    return replace(network, layers=tuple(layers))


def correct_bias(
    layer: Accumulate, sums: torch.Tensor, means: np.ndarray, output_scale: float
) -> tuple[Accumulate, torch.Tensor]:
    """A layer, and its sums, with biases at which the sums' means are ``means``.

    Parameters
    ----------
    sums : the layer's accumulators (n, C, H, W)
    means : real values, one per channel
    output_scale : real value of a unit of the sums, for a raw layer
    """
    wanted = _in_units(layer, output_scale, means)
    means_now = sums.mean((0, 2, 3), dtype=torch.float64).numpy()
    change = np.floor(wanted - means_now + 0.5).astype(np.int64)
    largest = float(sums.abs().max()) + int(np.abs(change).max())
    if largest >= _EXACT:
        sums = sums.double()
    corrected = sums + torch.from_numpy(change).to(sums).view(1, -1, 1, 1)
    return replace(layer, bias=layer.bias + change), corrected


def _in_units(layer: Accumulate, output_scale: float, means: np.ndarray) -> np.ndarray:
    """Real means as those of the layer's accumulators."""
    if layer.scales is None:
        return means / output_scale
    factor = np.array([float(scale.value) for scale in layer.scales])
    wanted: np.ndarray = (means / layer.output.scale + layer.output.zero_point) / factor
    return wanted
