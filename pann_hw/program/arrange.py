"""How a network's maps lie in the lanes: of all ways the one that is estimated to be fastest.

Ways differ in the columns of the input, in the tensors that are stored in half as many columns, and
in whether all maps are transposed. Weights do not matter: all operating points of a network lie
alike, so that the next one's input may be taken early.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, MaxPool, Source
from pann_hw.program.allocate import allocate
from pann_hw.program.blocks import Grids, find_grids, windows_of
from pann_hw.program.limits import check_tensors, check_windows
from pann_hw.program.linear import Linear, linear_layers
from pann_hw.program.program import Placement
from pann_hw.program.transpose import transpose
from pann_hw.program.windows import pairs, shares, tap_groups, tap_pairs

__all__ = ["Arrangement", "arrange", "estimated_cycles", "halvable"]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A network as it lies in the lanes.

    Attributes
    ----------
    network : as given, or transposed
    grids : of its tensors, and of its layers' outputs as they are made
    linear : what is made with lanes as outputs
    placements : of every tensor that is stored
    """

    network: IntegerNetwork
    grids: Grids
    linear: Linear
    placements: dict[str, Placement]


def arrange(network: IntegerNetwork, config: AcceleratorConfig) -> Arrangement:
    """The fastest arrangement by estimate that fits the memory and the program format.

    Raises
    ------
    InputError : none fits; the message is that of the fastest one that is not transposed
    """
    found = [
        (estimated_cycles(one, grids, config), one, grids)
        for one, transposed in ((network, False), (transpose(network), True))
        for columns in range(config.lanes.bit_length())
        for grids in _halved(one, config, 1 << columns, transposed=transposed)
    ]
    first: InputError | None = None
    for _, one, grids in sorted(found, key=lambda way: way[0]):
        try:
            linear = linear_layers(one, config, grids.stored)
            stored = linear.grids(grids.stored, config.lanes)
            _check(one, grids, linear, config)
            placements = allocate(one, config, stored, linear.vectors)
            return Arrangement(one, grids, linear, placements)
        except InputError as error:
            first = first or (error if one is network else None)
    assert first is not None
    raise first


def halvable(network: IntegerNetwork) -> set[str]:
    """Tensors of which every other column, and none beside it, is a block's own for all readers.

    All that read one of them step by an even number of columns. A max pooling layer that compares
    nothing is through with a word in each cycle, too soon for two stores.
    """
    strides: dict[str, set[int]] = {}
    for layer in network.layers:
        for one in windows_of(layer):
            strides.setdefault(one.tensor, set()).add(one.stride[1])
    return {
        layer.output.name
        for layer in network.layers
        if all(stride % 2 == 0 for stride in strides.get(layer.output.name, {1}))
        and min(layer.output.shape[1:]) > 1
        and not (isinstance(layer, MaxPool) and layer.kernel == (1, 1))
    }


def _halved(
    network: IntegerNetwork, config: AcceleratorConfig, columns: int, *, transposed: bool
) -> Iterator[Grids]:
    """Grids without a halved tensor, and those that halve whatever it pays to halve."""

    def attempt(halved: frozenset[str]) -> tuple[float, Grids] | None:
        grids = find_grids(network, config.lanes, columns, halved, transposed=transposed)
        return None if grids is None else (estimated_cycles(network, grids, config), grids)

    candidates = halvable(network) if config.halves else set()
    for start in {frozenset[str](), frozenset(candidates)}:
        best, chosen = attempt(start), start
        if best is None:
            continue
        yield best[1]
        for name in sorted(candidates):
            changed = chosen ^ {name}
            other = attempt(changed)
            if other is not None and other[0] < best[0]:
                best, chosen = other, changed
        yield best[1]


def estimated_cycles(network: IntegerNetwork, grids: Grids, config: AcceleratorConfig) -> float:
    """Cycles of all layers, each of which adds a term for each weight, and fetches its windows."""
    total = 0.0
    for layer in network.layers:
        channels, _, width = layer.output.shape
        grid = grids.computed[layer.output.name]
        pool = isinstance(layer, MaxPool)
        passes = 1 if pool else -(-channels // config.cores)
        adding = fetching = 0.0
        for one in windows_of(layer):
            tensor = network.tensors[one.tensor]
            if isinstance(one, MaxPool):
                (height, across), read = one.kernel, channels
            else:
                outputs, inputs, height, across = one.weights.shape
                # What the passes that read this tensor add, and the channels they read.
                share = -(-outputs // config.cores) / passes
                together = min(config.cores, outputs)
                per_group = outputs // one.groups
                read = share * inputs * min(one.groups, -(-together // per_group))
                adding += share * inputs * height * across / config.terms
            stored = grids.stored[one.tensor]
            if pairs(one, width, stored):
                row = tap_pairs(across, stored.steps)
            else:
                shared = grid.steps == 1 and shares(one, width, tensor)
                row = tap_groups(across, one.padding[1], stored.steps, shared=shared)
            windows = height * len(row)
            fetching += -(-read // config.banks) * windows
        # The shorter one is not hidden behind the longer one altogether.
        low, high = sorted((adding, fetching))
        total += passes * grid.words * (high + low / 4 + 1)
    return total


def _check(
    network: IntegerNetwork, grids: Grids, linear: Linear, config: AcceleratorConfig
) -> None:
    check_tensors(network, linear.grids(grids.stored, config.lanes), config)
    for index, layer in enumerate(network.layers):
        if index in linear.layers:
            continue
        for one in windows_of(layer):
            kernel = one.kernel if isinstance(one, MaxPool) else _kernel(one)
            name = layer.output.name
            check_windows(name, one, kernel, grids.stored[one.tensor], grids.computed[name])


def _kernel(source: Source) -> tuple[int, int]:
    _, _, height, width = source.weights.shape
    return height, width
