"""Blocks of all maps of a network: they fit the strides, and the halved grids, between them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.program.arrange import halvable
from pann_hw.program.blocks import Grids, find_grids, windows_of
from pann_hw.program.grid import Grid
from tests.random_networks import (
    feature_map_network,
    one_layer,
    random_network,
    residual_network,
)


def check(network: IntegerNetwork, grids: Grids, lanes: int, halved: Collection[str] = ()) -> None:
    """Blocks cover every map, and lead from each block of an output to one of its input."""
    assert set(grids.stored) == set(network.tensors)
    assert set(grids.computed) == set(network.tensors) - {network.input.name}
    for name, grid in [*grids.stored.items(), *grids.computed.items()]:
        assert (grid.height, grid.width) == network.tensors[name].shape[1:]
        assert grid.strips * grid.columns <= lanes
        assert grid.columns_used <= grid.columns
        assert min(grid.last_rows, grid.last_steps) >= 1
    for name, grid in grids.computed.items():
        assert grids.stored[name] == (grid.halved() if name in halved else grid)
        assert name not in halved or (grid.rows % 2 == 0 and grid.columns >= 2)
    for layer in network.layers:
        made = grids.computed[layer.output.name]
        for source in windows_of(layer):
            read = grids.stored[source.tensor]
            assert read.columns == made.columns
            # A map in one strip, or column, of lanes starts in the first block, whatever its size.
            assert made.strips == 1 or read.rows == source.stride[0] * made.rows
            assert made.columns_used == 1 or read.steps == source.stride[1] * made.steps


def found(network: IntegerNetwork, lanes: int, columns: int) -> dict[str, Grid]:
    """Grids of which none is halved."""
    grids = find_grids(network, lanes, columns)
    assert grids is not None
    check(network, grids, lanes)
    return dict(grids.stored)


@pytest.mark.parametrize("lanes", [4, 8, 16, 32, 64])
def test_blocks_follow_the_strides(lanes: int, rng: np.random.Generator) -> None:
    for number in range(40):
        if number < 2:
            network, _ = (residual_network, feature_map_network)[number](rng, 3)
        else:
            network, _ = random_network(rng, 4, layers=int(rng.integers(1, 9)))
        for columns in range(lanes.bit_length()):
            found(network, lanes, 1 << columns)


def test_blocks_follow_the_halves(rng: np.random.Generator) -> None:
    """Any of the tensors that may be: either all fits together, or nothing is returned."""
    halves = 0
    for number in range(300):
        if number < 20:
            network, _ = residual_network(rng, 2)
        else:
            network, _ = random_network(rng, 4, layers=6)
        lanes = int(rng.choice([4, 8, 16, 32]))
        halved = {name for name in sorted(halvable(network)) if rng.random() < 0.7}
        for columns in range(lanes.bit_length()):
            grids = find_grids(network, lanes, 1 << columns, halved, transposed=True)
            if grids is not None:
                check(network, grids, lanes, halved)
                assert all(grid.transposed for grid in grids.stored.values())
                halves += bool(halved)
    assert halves > 30


def layer(name: str, shape: tuple[int, int, int], *read: Source, raw: bool = False) -> Accumulate:
    scales = None if raw else (Scale.nearest(0.01),) * shape[0]
    return Accumulate(Tensor(name, shape, 8), read, np.zeros(shape[0], np.int64), scales, 255)


def ones(tensor: str, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> Source:
    return Source(tensor, np.ones((1, 1, *kernel), np.int64), stride)


def test_contradicting_strides_take_one_strip() -> None:
    """Maps that came to one height by different strides: all rows are one lane's, columns not."""
    network = IntegerNetwork(
        Tensor("x", (1, 8, 8), 8),
        (
            layer("a", (1, 4, 8), ones("x", (2, 1), (2, 1))),
            layer("b", (1, 4, 8), ones("x", (5, 1))),
            layer("y", (1, 4, 8), ones("a", (1, 1)), ones("b", (1, 1)), raw=True),
        ),
    )
    grids = found(network, 8, 8)
    assert {name: grid.rows for name, grid in grids.items()} == {"x": 8, "a": 4, "b": 4, "y": 4}
    assert all(grid.columns_used == 8 and grid.steps == 1 for grid in grids.values())


def test_contradicting_strides_take_one_column() -> None:
    network = IntegerNetwork(
        Tensor("x", (1, 8, 8), 8),
        (
            layer("a", (1, 8, 4), ones("x", (1, 2), (1, 2))),
            layer("b", (1, 8, 4), ones("x", (1, 5))),
            layer("y", (1, 8, 4), ones("a", (1, 1)), ones("b", (1, 1)), raw=True),
        ),
    )
    grids = found(network, 8, 1)
    assert {name: grid.steps for name, grid in grids.items()} == {"x": 8, "a": 4, "b": 4, "y": 4}
    assert all(grid.strips == 8 and grid.rows == 1 for grid in grids.values())


def test_a_single_row_is_shared_among_all_lanes() -> None:
    grids = found(one_layer((3, 1, 37), (1, 3), padding=(0, 1)), 8, 8)
    assert grids["y"] == Grid(1, 37, 8, 1, 5)
    grids = found(one_layer((3, 37, 1), (3, 1), padding=(1, 0)), 8, 1)
    assert grids["y"].words == 5
    assert grids["y"].strips == 8


def test_strides_multiply_along_the_network() -> None:
    network = IntegerNetwork(
        Tensor("x", (1, 24, 24), 8),
        (
            layer("a", (1, 12, 12), ones("x", (2, 2), (2, 2))),
            layer("y", (1, 4, 4), ones("a", (3, 3), (3, 3)), raw=True),
        ),
    )
    grids = found(network, 16, 4)
    assert [(grids[n].rows, grids[n].steps) for n in ("y", "a", "x")] == [(1, 1), (3, 3), (6, 6)]


def test_a_network_that_ends_in_one_pixel_may_use_any_block() -> None:
    """A linear layer has one lane, which reads all words of its input as they lie."""
    grids = found(one_layer((2, 5, 5), (5, 5)), 8, 2)
    assert grids["y"].words == 1
    assert grids["x"].words < 25


def test_maps_read_by_strides_of_two_stay_one_pixel_wide() -> None:
    """Halved, a map of 16 columns lies in 8, and so does what is made of it: all blocks are one
    pixel wide, but those of the halved map."""
    network = IntegerNetwork(
        Tensor("x", (1, 16, 16), 8),
        (
            layer("a", (1, 16, 16), ones("x", (1, 1))),
            layer("b", (1, 8, 8), ones("a", (2, 2), (2, 2))),
            layer("y", (1, 8, 8), ones("b", (1, 1)), raw=True),
        ),
    )
    grids = find_grids(network, 16, 16, {"a"})
    assert grids is not None
    check(network, grids, 16, {"a"})
    blocks = {name: (g.columns, g.rows, g.steps) for name, g in grids.stored.items()}
    assert blocks == {"x": (16, 16, 1), "a": (8, 8, 2), "b": (8, 4, 1), "y": (8, 4, 1)}
    assert grids.computed["a"].rows == 16


def test_what_is_read_together_has_the_same_columns() -> None:
    network = IntegerNetwork(
        Tensor("x", (1, 16, 16), 8),
        (
            layer("a", (1, 16, 16), ones("x", (1, 1))),
            layer("y", (1, 8, 8), ones("a", (2, 2), (2, 2)), ones("x", (2, 2), (2, 2)), raw=True),
        ),
    )
    assert find_grids(network, 16, 16) is not None
    assert find_grids(network, 16, 16, {"a"}) is None
    assert find_grids(network, 16, 1, {"a"}) is None
