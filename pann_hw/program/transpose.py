"""A network with the height and width of all its maps swapped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pann_hw.integer.network import IntegerNetwork, Layer, MaxPool, Source, Tensor

__all__ = ["transpose"]

Pair = tuple[int, int]


def transpose(network: IntegerNetwork) -> IntegerNetwork:
    """The network that makes each map transposed from the transposed input."""
    layers = tuple(_layer(layer) for layer in network.layers)
    return replace(network, input=_tensor(network.input), layers=layers)


def _layer(layer: Layer) -> Layer:
    output = _tensor(layer.output)
    if isinstance(layer, MaxPool):
        return replace(
            layer,
            output=output,
            kernel=_swapped(layer.kernel),
            stride=_swapped(layer.stride),
            padding=_swapped(layer.padding),
            end_padding=_end(layer.end_padding),
        )
    return replace(layer, output=output, sources=tuple(map(_source, layer.sources)))


def _source(source: Source) -> Source:
    return replace(
        source,
        weights=np.ascontiguousarray(source.weights.swapaxes(2, 3)),
        stride=_swapped(source.stride),
        padding=_swapped(source.padding),
        end_padding=_end(source.end_padding),
    )


def _tensor(tensor: Tensor) -> Tensor:
    channels, height, width = tensor.shape
    return replace(tensor, shape=(channels, width, height))


def _swapped(pair: Pair) -> Pair:
    return pair[1], pair[0]


def _end(pair: Pair | None) -> Pair | None:
    return None if pair is None else _swapped(pair)
