"""The order of channels: those that take as many terms are made side by side.

The cores of a pass wait for the one that has the most to add. So the channels of every tensor
inside a network come in the order of their terms, the most first. Channels that a layer without
weights across channels passes on, as depthwise layers, pooling and residual additions do, keep
their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, MaxPool, Source
from pann_hw.program.encoding import Encoding

__all__ = ["order_channels"]

Orders = Mapping[str, np.ndarray]


def order_channels(
    network: IntegerNetwork, encoding: Encoding
) -> tuple[IntegerNetwork, dict[str, np.ndarray]]:
    """The network with its channels in another order, and the order.

    Parameters
    ----------
    encoding : of the weights

    Returns
    -------
    network : makes the same output
    orders : of each tensor the given network's channel in every place of it
    """
    leaders = _leaders(network)
    kept = {leaders[name] for name in _kept(network)}
    costs: dict[str, np.ndarray] = {}
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            leader = leaders[layer.output.name]
            costs[leader] = costs.get(leader, np.zeros(1, np.int64)) + _terms(layer, encoding)
    orders = {}
    for name, tensor in network.tensors.items():
        orders[name] = np.arange(tensor.shape[0])
        if leaders[name] not in kept:
            orders[name] = np.argsort(-costs[leaders[name]], kind="stable")
    return replace(network, layers=tuple(_ordered(x, orders) for x in network.layers)), orders


def _terms(layer: Accumulate, encoding: Encoding) -> np.ndarray:
    """Terms of each output channel, over all its pixels."""
    channels, height, width = layer.output.shape
    terms = np.zeros(channels, np.int64)
    for source in layer.sources:
        for number, weights in enumerate(source.weights):
            terms[source.first_channel + number] += encoding.count(weights)
    return terms * height * width


def _passes_on(source: Source, layer: Accumulate) -> bool:
    """Whether each output channel reads the input channel of its own number, and no other."""
    whole = (layer.output.shape[0], 1)
    return source.weights.shape[:2] == whole and source.groups == whole[0]


def _leaders(network: IntegerNetwork) -> dict[str, str]:
    """Of each tensor one that stands for all that must be in the same order."""
    leaders = {name: name for name in network.tensors}

    def join(one: str, other: str) -> None:
        old, new = leaders[one], leaders[other]
        leaders.update({name: new for name, leader in leaders.items() if leader == old})

    for layer in network.layers:
        if isinstance(layer, MaxPool):
            join(layer.output.name, layer.tensor)
            continue
        for source in layer.sources:
            if _passes_on(source, layer):
                join(layer.output.name, source.tensor)
    return leaders


def _kept(network: IntegerNetwork) -> set[str]:
    """Tensors whose order is given: input, output, and those of layers with groups or parts."""
    kept = {network.input.name, network.layers[-1].output.name}
    for layer in network.layers:
        if isinstance(layer, MaxPool):
            continue
        for source in layer.sources:
            if len(source.weights) != layer.output.shape[0]:
                kept.add(layer.output.name)
            if source.groups > 1 and not _passes_on(source, layer):
                kept |= {layer.output.name, source.tensor}
    return kept


def _ordered(layer: Layer, orders: Orders) -> Layer:
    if isinstance(layer, MaxPool):
        return layer
    order = orders[layer.output.name]
    scales = layer.scales
    return replace(
        layer,
        sources=tuple(_source(source, order, orders[source.tensor]) for source in layer.sources),
        bias=layer.bias[order],
        scales=None if scales is None else tuple(scales[channel] for channel in order),
    )


def _source(source: Source, outputs: np.ndarray, inputs: np.ndarray) -> Source:
    # A source of some of the channels has a layer whose order is kept.
    weights = source.weights[outputs] if len(source.weights) == len(outputs) else source.weights
    if source.groups == 1:
        weights = weights[:, inputs]
    return replace(source, weights=np.ascontiguousarray(weights))
