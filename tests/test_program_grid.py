"""Lane grids: every pixel has one place, and blocks fit the strides between maps."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.program.grid import Grid, choose_grids
from tests.random_networks import (
    feature_map_network,
    one_layer,
    random_network,
    residual_network,
)


def random_grid(rng: np.random.Generator) -> tuple[Grid, int]:
    """A grid over so many lanes, of which all blocks together hold the map."""
    columns, strips = 2 ** int(rng.integers(0, 5)), int(rng.integers(1, 9))
    rows, steps = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    height = int(rng.integers(1, strips * rows + 1))
    width = int(rng.integers(1, columns * steps + 1))
    return Grid(height, width, columns, rows, steps), columns * strips


def test_every_pixel_is_in_one_word_and_lane(rng: np.random.Generator) -> None:
    for _ in range(300):
        grid, lanes = random_grid(rng)
        places = [
            (word, *place) for word in range(grid.rows * grid.steps) for place in grid.lanes(word)
        ]
        assert grid.words == grid.rows * grid.steps
        assert sorted((y, x) for *_, y, x in places) == list(np.ndindex(grid.height, grid.width))
        assert len({(word, lane) for word, lane, *_ in places}) == len(places)
        for word, lane, y, x in places:
            assert 0 <= lane < lanes
            assert word == y % grid.rows * grid.steps + x % grid.steps
            assert lane == y // grid.rows * grid.columns + x // grid.steps
        for word in range(grid.words):
            found = [lane for lane, *_ in grid.lanes(word)]
            assert found == sorted(found)


def test_ends_of_a_grid(rng: np.random.Generator) -> None:
    for _ in range(300):
        grid, _ = random_grid(rng)
        strips = {y // grid.rows for y in range(grid.height)}
        columns = {x // grid.steps for x in range(grid.width)}
        assert (grid.strips, grid.columns_used) == (len(strips), len(columns))
        last_rows = [y for y in range(grid.height) if y // grid.rows == max(strips)]
        last_steps = [x for x in range(grid.width) if x // grid.steps == max(columns)]
        assert (grid.last_rows, grid.last_steps) == (len(last_rows), len(last_steps))


def sources(layer: Layer) -> tuple[Source | MaxPool, ...]:
    return (layer,) if isinstance(layer, MaxPool) else layer.sources


def check(network: IntegerNetwork, lanes: int) -> dict[str, Grid]:
    """Blocks cover every map, and lead from each block of an output to one of its input."""
    grids = choose_grids(network, lanes)
    assert set(grids) == set(network.tensors)
    assert len({grid.columns for grid in grids.values()}) == 1
    for name, grid in grids.items():
        assert (grid.height, grid.width) == network.tensors[name].shape[1:]
        assert grid.strips * grid.columns <= lanes
        assert grid.columns_used <= grid.columns
        assert min(grid.last_rows, grid.last_steps) >= 1
    for layer in network.layers:
        made = grids[layer.output.name]
        for source in sources(layer):
            read = grids[source.tensor]
            # A map in one strip, or column, of lanes starts in the first block, whatever its size.
            assert made.strips == 1 or read.rows == source.stride[0] * made.rows
            assert made.columns_used == 1 or read.steps == source.stride[1] * made.steps
    return grids


@pytest.mark.parametrize("lanes", [4, 8, 16, 32, 64])
def test_blocks_follow_the_strides(lanes: int, rng: np.random.Generator) -> None:
    for _ in range(100):
        check(random_network(rng, 4, layers=int(rng.integers(1, 9)))[0], lanes)
    for make in (residual_network, feature_map_network):
        check(make(rng, 3)[0], lanes)


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
    grids = check(network, 8)
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
    grids = check(network, 8)
    assert {name: grid.steps for name, grid in grids.items()} == {"x": 8, "a": 4, "b": 4, "y": 4}
    assert all(grid.strips == 8 and grid.rows == 1 for grid in grids.values())


def test_a_single_row_is_shared_among_all_lanes() -> None:
    grids = check(one_layer((3, 1, 37), (1, 3), padding=(0, 1)), 8)
    assert grids["y"] == Grid(1, 37, 8, 1, 5)
    grids = check(one_layer((3, 37, 1), (3, 1), padding=(1, 0)), 8)
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
    grids = check(network, 16)
    assert [(grids[n].rows, grids[n].steps) for n in ("y", "a", "x")] == [(1, 1), (3, 3), (6, 6)]


def test_the_fewest_words_and_neighbours_beside() -> None:
    """Four words, whatever the shape; those of blocks one pixel wide share windows."""
    grids = check(one_layer((1, 8, 8), (3, 3), padding=(1, 1)), 16)
    assert grids["y"].words == 4
    assert grids["y"].steps == 1
    # Where the map is a column wide, lanes beside each other would be idle.
    assert check(one_layer((1, 64, 3), (1, 1)), 16)["y"].words == 12


def test_a_network_that_ends_in_one_pixel_may_use_any_block() -> None:
    """A linear layer has one lane, which reads all words of its input as they lie."""
    grids = check(one_layer((2, 5, 5), (5, 5)), 8)
    assert grids["y"].words == 1
    assert grids["x"].words < 25
