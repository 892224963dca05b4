"""Placement of tensors in the activation memory: first fit by lifetime."""

from __future__ import annotations

from dataclasses import replace

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, Layer, MaxPool
from pann_hw.program.grid import Grid
from pann_hw.program.program import Placement

__all__ = ["allocate", "reads"]


def reads(layer: Layer) -> tuple[str, ...]:
    """Names of the tensors that a layer reads."""
    if isinstance(layer, MaxPool):
        return (layer.tensor,)
    return tuple(source.tensor for source in layer.sources)


def allocate(
    network: IntegerNetwork, config: AcceleratorConfig, grids: dict[str, Grid]
) -> dict[str, Placement]:
    """A place for every tensor but the raw output; a word is free again after its last reader.

    Raises
    ------
    InputError : the memory is too small; the message names the layer, the words that this
        placement needs, and the parameter to raise
    """
    last_read = {network.input.name: 0}
    for index, layer in enumerate(network.layers):
        last_read[layer.output.name] = index
        for name in reads(layer):
            last_read[name] = index
    placements: dict[str, Placement] = {}
    live: list[str] = []
    needed: dict[str, int] = {}
    stored = [network.input, *(layer.output for layer in network.layers[:-1])]
    for index, tensor in enumerate(stored):
        # The tensor is written by layer index - 1, whose inputs must outlive its writing.
        live = [name for name in live if last_read[name] >= index - 1]
        place = Placement(0, tensor.shape, grids[tensor.name], config.banks)
        base = 0
        for other in sorted((placements[name] for name in live), key=lambda place: place.base):
            if other.base - base >= place.words:
                break
            base = max(base, other.base + other.words)
        placements[tensor.name] = replace(place, base=base)
        needed[tensor.name] = base + place.words
        live.append(tensor.name)
    worst = max(needed, key=lambda name: needed[name])
    words = needed[worst] * config.banks
    if words > config.activation_words:
        raise InputError(
            f"the network needs {words} words of {config.lanes} activations (at tensor "
            f"{worst!r}), the configuration has {config.activation_words}: raise activation_words "
            "(at most 65536)"
        )
    return placements
