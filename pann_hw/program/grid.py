"""The lane grid: which pixels of a map each lane owns.

The lanes are a grid of ``strips`` rows of ``columns`` lanes. A lane owns a block of neighbouring
pixels, ``rows`` high and ``steps`` wide, of every map; what one memory word holds is the pixel at
one place of all blocks:

    pixel (y, x) is in word (y % rows) * steps + x % steps, lane (y // rows) * columns + x // steps

A layer of stride s reads blocks that are s times as high and wide as those it makes, so one program
has one grid, and every window of every layer is one word, turned by whole lanes where it crosses
from block to block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

from pann_hw.integer.network import IntegerNetwork, Layer, MaxPool, Source

__all__ = ["Grid", "choose_grids"]


@dataclass(frozen=True)
class Grid:
    """How one map lies in the words of the activation memory.

    Attributes
    ----------
    height, width : of the map, in pixels
    columns : lanes side by side, a power of two
    rows, steps : height and width of a lane's block, in pixels
    """

    height: int
    width: int
    columns: int
    rows: int
    steps: int

    @property
    def words(self) -> int:
        """Words of one channel."""
        return self.rows * self.steps

    @property
    def strips(self) -> int:
        """Rows of lanes that own a pixel."""
        return -(-self.height // self.rows)

    @property
    def columns_used(self) -> int:
        """Columns of lanes that own a pixel."""
        return -(-self.width // self.steps)

    @property
    def last_rows(self) -> int:
        """Rows of the last strip that are in the map, 1..rows."""
        return self.height - (self.strips - 1) * self.rows

    @property
    def last_steps(self) -> int:
        """Pixels of the last column's blocks that are in the map, 1..steps."""
        return self.width - (self.columns_used - 1) * self.steps

    def halved(self) -> Grid:
        """The same blocks with half as many columns: twice as wide and half as high.

        Lane i of a strip's group of ``columns`` lanes takes what lane ``(2 * i + phase) % columns``
        has, phase 0 in one word and 1 in the next; ``rows`` must be even.
        """
        return Grid(self.height, self.width, self.columns // 2, self.rows // 2, 2 * self.steps)

    def lanes(self, word: int) -> list[tuple[int, int, int]]:
        """(lane, y, x) of every pixel in a word of a channel, lanes in order."""
        row, step = divmod(word, self.steps)
        return [
            (strip * self.columns + column, strip * self.rows + row, column * self.steps + step)
            for strip in range(self.strips - (row >= self.last_rows))
            for column in range(self.columns_used - (step >= self.last_steps))
        ]


def choose_grids(network: IntegerNetwork, lanes: int) -> dict[str, Grid]:
    """A grid for each tensor: of all numbers of columns the one that takes the fewest words.

    Words are weighted by the multiplications that are made for them.

    Where layers contradict each other, as sums of maps that came to one size by different strides,
    a column, or a strip, of lanes holds all rows, or columns, of them.
    """
    candidates = [_grids(network, lanes, 1 << bits) for bits in range(lanes.bit_length())]
    return min(candidates, key=lambda grids: _cost(network, grids))


def _cost(network: IntegerNetwork, grids: dict[str, Grid]) -> float:
    """Words of work: one output word takes a cycle for each weight, or window, of a channel."""
    total = 0.0
    for layer in network.layers:
        words = grids[layer.output.name].words
        for source in _sources(layer):
            if isinstance(source, MaxPool):
                weights = source.kernel[0] * source.kernel[1]
            else:
                weights = source.weights[0].size
            # Without neighbours in the words beside it, each tap is a window of its own.
            alone = grids[source.tensor].steps > 1 and weights > 1
            total += words * layer.output.shape[0] * weights * (1.1 if alone else 1.0)
    return total


def _sources(layer: Layer) -> tuple[Source | MaxPool, ...]:
    return (layer,) if isinstance(layer, MaxPool) else layer.sources


def _grids(network: IntegerNetwork, lanes: int, columns: int) -> dict[str, Grid]:
    rows = _blocks(network, 0, lanes // columns)
    steps = _blocks(network, 1, columns)
    return {
        name: Grid(tensor.shape[1], tensor.shape[2], columns, rows[name], steps[name])
        for name, tensor in network.tensors.items()
    }


def _blocks(network: IntegerNetwork, axis: int, lanes: int) -> dict[str, int]:
    """The block's size along an axis of every tensor, over so many lanes at most."""
    sizes = {name: tensor.shape[1 + axis] for name, tensor in network.tensors.items()}
    blocks: dict[str, int] = {}
    for ratios, consistent in _components(network, axis):
        if not consistent or lanes == 1:
            blocks |= {name: sizes[name] for name in ratios}
            continue
        # Whole blocks for all of them, of which as many as there are lanes cover each map.
        unit = lcm(*(ratio.denominator for ratio in ratios.values()))
        count = max(ceil(sizes[name] / (ratio * unit * lanes)) for name, ratio in ratios.items())
        blocks |= {name: int(ratio * unit * count) for name, ratio in ratios.items()}
    return {
        name: sizes[name] if _alone(network, name, axis, sizes, blocks) else block
        for name, block in blocks.items()
    }


def _alone(
    network: IntegerNetwork, name: str, axis: int, sizes: dict[str, int], blocks: dict[str, int]
) -> bool:
    """Whether one block holds a tensor and all that is made of it: it may then have any size."""
    readers = [
        layer.output.name
        for layer in network.layers
        if layer.output.shape[1 + axis] > 1 and name in {one.tensor for one in _sources(layer)}
    ]
    return all(sizes[one] <= blocks[one] for one in (name, *readers))


def _components(network: IntegerNetwork, axis: int) -> Iterator[tuple[dict[str, Fraction], bool]]:
    """Tensors whose blocks depend on each other: ratio of each size, and whether they agree."""
    edges: dict[str, list[tuple[str, Fraction]]] = {name: [] for name in network.tensors}
    for layer in network.layers:
        output = layer.output
        if output.shape[1 + axis] == 1:
            continue
        for source in _sources(layer):
            stride = Fraction(source.stride[axis])
            edges[output.name].append((source.tensor, stride))
            edges[source.tensor].append((output.name, 1 / stride))
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
