"""Blocks: how large a lane's block of every map is, so that every layer's blocks fit together.

A layer is computed in the columns of the tensors that it reads, on blocks that are smaller by its
strides. It may be stored in half as many columns (:meth:`Grid.halved`): so a map that is read with
stride 2 only has blocks two pixels wide, and those made of it, and of what is before it, one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

from pann_hw.integer.network import IntegerNetwork, Layer, MaxPool, Source
from pann_hw.program.grid import Grid

__all__ = ["Grids", "find_grids", "windows_of"]


@dataclass(frozen=True)
class Grids:
    """The grids of a network.

    Attributes
    ----------
    stored : of each tensor, as it lies in memory
    computed : of each layer's output, as the layer makes it: as stored, or before it is halved
    """

    stored: Mapping[str, Grid]
    computed: Mapping[str, Grid]


def find_grids(
    network: IntegerNetwork,
    lanes: int,
    columns: int,
    halved: Collection[str] = (),
    *,
    transposed: bool = False,
) -> Grids | None:
    """Grids with so many columns for the input; None where there are none with those halved.

    Where layers contradict each other, as sums of maps that came to one size by different strides,
    a column, or a strip, of lanes holds all rows, or columns, of them.

    Parameters
    ----------
    halved : names of layers' outputs that are stored in half as many columns; none of them of
        height or width 1
    transposed : what the grids say of themselves
    """
    across = _columns(network, columns, halved)
    if across is None:
        return None
    down = {name: lanes // number for name, number in across.items()}
    rows = _blocks(network, 0, down, halved)
    steps = _blocks(network, 1, across, halved)
    if rows is None or steps is None:
        return None
    stored, computed = {}, {}
    for name, tensor in network.tensors.items():
        _, height, width = tensor.shape
        grid = Grid(height, width, across[name], rows[name], steps[name], transposed)
        stored[name] = computed[name] = grid
        if name in halved:
            computed[name] = Grid(
                height, width, 2 * grid.columns, 2 * grid.rows, grid.steps // 2, transposed
            )
    del computed[network.input.name]
    return Grids(stored, computed)


def windows_of(layer: Layer) -> tuple[Source | MaxPool, ...]:
    """What a layer reads, and how."""
    return (layer,) if isinstance(layer, MaxPool) else layer.sources


def _columns(
    network: IntegerNetwork, columns: int, halved: Collection[str]
) -> dict[str, int] | None:
    """Columns of each tensor; None where a layer would read tensors of different columns."""
    found = {network.input.name: columns}
    for layer in network.layers:
        read = {found[one.tensor] for one in windows_of(layer)}
        made = min(read) // (2 if layer.output.name in halved else 1)
        if len(read) > 1 or not made:
            return None
        found[layer.output.name] = made
    return found


def _blocks(
    network: IntegerNetwork, axis: int, lanes: Mapping[str, int], halved: Collection[str]
) -> dict[str, int] | None:
    """The block's size along an axis of every tensor, over so many lanes of it at most."""
    sizes = {name: tensor.shape[1 + axis] for name, tensor in network.tensors.items()}
    # Of a computed block to the stored one.
    shrunk = Fraction(2) if axis == 0 else Fraction(1, 2)
    factors = {name: shrunk if name in halved else Fraction(1) for name in sizes}
    blocks: dict[str, int] = {}
    for ratios, consistent in _components(network, axis, factors):
        free = not any(name in halved for name in ratios)
        if not consistent and not free:
            return None
        if not consistent or (free and all(lanes[name] == 1 for name in ratios)):
            blocks |= {name: sizes[name] for name in ratios}
            continue
        # Whole blocks for all of them, of which as many as there are lanes cover each map.
        unit = lcm(
            *(ratio.denominator for ratio in ratios.values()),
            *((ratio * factors[name]).denominator for name, ratio in ratios.items()),
        )
        count = max(
            ceil(sizes[name] / (ratio * unit * lanes[name])) for name, ratio in ratios.items()
        )
        blocks |= {name: int(ratio * unit * count) for name, ratio in ratios.items()}
    made = {name: int(block * factors[name]) for name, block in blocks.items()}
    return {
        name: sizes[name]
        if name not in halved and _alone(network, name, axis, sizes, made)
        else block
        for name, block in blocks.items()
    }


def _alone(
    network: IntegerNetwork,
    name: str,
    axis: int,
    sizes: Mapping[str, int],
    blocks: Mapping[str, int],
) -> bool:
    """Whether one block holds a tensor and all that is made of it: it may then have any size."""
    readers = [
        layer.output.name
        for layer in network.layers
        if layer.output.shape[1 + axis] > 1 and name in {one.tensor for one in windows_of(layer)}
    ]
    return all(sizes[one] <= blocks[one] for one in (name, *readers))


def _components(
    network: IntegerNetwork, axis: int, factors: Mapping[str, Fraction]
) -> Iterator[tuple[dict[str, Fraction], bool]]:
    """Tensors whose blocks depend on each other: ratio of each size, and whether they agree."""
    edges: dict[str, list[tuple[str, Fraction]]] = {name: [] for name in network.tensors}
    for layer in network.layers:
        output = layer.output
        if output.shape[1 + axis] == 1:
            continue
        for source in windows_of(layer):
            ratio = source.stride[axis] * factors[output.name]
            edges[output.name].append((source.tensor, ratio))
            edges[source.tensor].append((output.name, 1 / ratio))
    seen: set[str] = set()
    for start in network.tensors:
        if start in seen:
            continue
        ratios, consistent, waiting = {start: Fraction(1)}, True, [start]
        while waiting:
            name = waiting.pop()
            for other, ratio in edges[name]:
                wanted = ratios[name] * ratio
                if other not in ratios:
                    ratios[other] = wanted
                    waiting.append(other)
                consistent &= ratios[other] == wanted
        seen |= set(ratios)
        yield ratios, consistent
