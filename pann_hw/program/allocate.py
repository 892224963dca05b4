"""Placement of tensors in the activation memory: first fit by lifetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, Layer, MaxPool
from pann_hw.program.grid import Grid
from pann_hw.program.program import Placement

__all__ = ["allocate", "input_is_free", "last_reads", "reads"]

_NEVER = 2**31
"""Beyond the last layer: the place of what is read there is never free."""


def reads(layer: Layer) -> tuple[str, ...]:
    """Names of the tensors that a layer reads."""
    if isinstance(layer, MaxPool):
        return (layer.tensor,)
    return tuple(source.tensor for source in layer.sources)


def allocate(
    network: IntegerNetwork,
    config: AcceleratorConfig,
    grids: Mapping[str, Grid],
    vectors: Mapping[str, tuple[int, int, int]],
) -> dict[str, Placement]:
    """A place for every tensor but the raw output; a word is free again after its last reader.

    The input keeps its place where memory allows: the next input can then be taken early.

    Parameters
    ----------
    vectors : the shapes in memory of tensors that lie there in another shape than their own

    Raises
    ------
    InputError : the memory is too small; the message names the layer, the words that this
        placement needs, and the parameter to raise
    """
    last_read = last_reads(network)
    keeping = last_read | {network.input.name: _NEVER}
    kept, needed = _placed(network, config, grids, vectors, keeping)
    if max(needed.values()) <= config.bank_words:
        return kept
    placements, needed = _placed(network, config, grids, vectors, last_read)
    worst = max(needed, key=lambda name: needed[name])
    words = needed[worst] * config.banks
    if words > config.activation_words:
        raise InputError(
            f"the network needs {words} words of {config.lanes} activations (at tensor "
            f"{worst!r}), the configuration has {config.activation_words}: raise activation_words "
            "(at most 65536)"
        )
    return placements


def last_reads(network: IntegerNetwork) -> dict[str, int]:
    """Index of the last layer that reads each tensor; of the one that makes it where none does."""
    last = {network.input.name: 0}
    for index, layer in enumerate(network.layers):
        last[layer.output.name] = index
        for name in reads(layer):
            last[name] = index
    return last


def input_is_free(network: IntegerNetwork, placements: dict[str, Placement]) -> int | None:
    """Index of the first layer from which on nothing reads the input or lies in its place.

    None where there is no such layer.
    """
    last_read, place = last_reads(network), placements[network.input.name]
    free = last_read[network.input.name] + 1
    for name, other in placements.items():
        apart = other.base + other.words <= place.base or place.base + place.words <= other.base
        if name != network.input.name and not apart:
            free = max(free, last_read[name] + 1)
    return free if free < len(network.layers) else None


def _placed(
    network: IntegerNetwork,
    config: AcceleratorConfig,
    grids: Mapping[str, Grid],
    vectors: Mapping[str, tuple[int, int, int]],
    last_read: dict[str, int],
) -> tuple[dict[str, Placement], dict[str, int]]:
    """First fit: the places, and for each tensor the words that memory must have for it."""
    placements: dict[str, Placement] = {}
    live: list[str] = []
    needed: dict[str, int] = {}
    stored = [network.input, *(layer.output for layer in network.layers[:-1])]
    for index, tensor in enumerate(stored):
        # The tensor is written by layer index - 1, whose inputs must outlive its writing.
        live = [name for name in live if last_read[name] >= index - 1]
        shape = vectors.get(tensor.name, tensor.shape)
        place = Placement(0, shape, grids[tensor.name], config.banks)
        base = 0
        for other in sorted((placements[name] for name in live), key=lambda place: place.base):
            if other.base - base >= place.words:
                break
            base = max(base, other.base + other.words)
        placements[tensor.name] = replace(place, base=base)
        needed[tensor.name] = base + place.words
        live.append(tensor.name)
    return placements, needed
