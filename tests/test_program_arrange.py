"""Arrangements: the estimate prefers full lanes and shared windows, and what fits is taken."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, MaxPool, Tensor
from pann_hw.program.arrange import arrange, estimated_cycles, halvable
from pann_hw.program.blocks import find_grids
from tests.random_networks import NetworkBuilder, one_layer, random_config, random_network

CONFIG = AcceleratorConfig(lanes=16, cores=4, banks=2, activation_words=8192, accumulator_width=32)


def stage_network(rng: np.random.Generator) -> IntegerNetwork:
    """Two 3 x 3 convolutions at 16 x 16 pixels, one of stride 2, and two at 8 x 8."""
    b = NetworkBuilder(rng, (2, 16, 16))
    name = "x"
    for stride in (1, 1, 2, 1):
        name = b.accumulate(b.convolution(name, 4, (3, 3), (stride, stride), (1, 1)))
    b.accumulate(b.convolution(name, 4, (3, 3), padding=(1, 1)), raw=True)
    return b.network()


def test_a_map_before_a_stride_is_halved(rng: np.random.Generator) -> None:
    """So all convolutions of stride 1 share windows."""
    network = stage_network(rng)
    assert halvable(network) == {"t1"}
    found = arrange(network, CONFIG)
    changed = {n for n, g in found.grids.computed.items() if g != found.grids.stored[n]}
    assert changed == {"t1"}
    steps = {name: grid.steps for name, grid in found.grids.stored.items()}
    assert steps == {"x": 1, "t0": 1, "t1": 2, "t2": 1, "t3": 1, "t4": 1}
    plain = find_grids(network, 16, 16)
    assert plain is not None
    better = estimated_cycles(network, found.grids, CONFIG)
    assert better < estimated_cycles(network, plain, CONFIG)


def test_what_cannot_be_halved(rng: np.random.Generator) -> None:
    b = NetworkBuilder(rng, (2, 8, 8))
    read_by_both = b.accumulate(b.convolution("x", 2, (1, 1)))
    b.accumulate(b.convolution(read_by_both, 2, (1, 1)))
    single = b.pool(read_by_both, (1, 1), (2, 2))
    row = b.accumulate(b.convolution(single, 2, (4, 1)))
    pooled = b.pool(read_by_both, (2, 2), (1, 1))
    b.accumulate(b.convolution(row, 2, (1, 1), (1, 2)))
    last = b.accumulate(b.convolution(pooled, 2, (1, 1), (1, 2)))
    b.accumulate(b.convolution(single, 2, (1, 1), (2, 2)), bits=3)
    b.accumulate(b.convolution(last, 2, (1, 1)), raw=True)
    # Not: read by a stride of 1 as well, pooling of one tap, one row, nobody's, the output.
    assert isinstance(b.network().layers[2], MaxPool)
    assert halvable(b.network()) == {pooled}


def test_a_high_narrow_map_is_transposed() -> None:
    """Lanes side by side are its rows: five words either way, but windows are shared."""
    found = arrange(one_layer((2, 16, 5), (3, 3), padding=(1, 1)), CONFIG)
    grid = found.grids.stored["x"]
    assert grid.transposed
    assert (grid.columns, grid.rows, grid.steps) == (16, 5, 1)
    assert found.network.input.shape == (2, 5, 16)
    wide = arrange(one_layer((2, 5, 16), (3, 3), padding=(1, 1)), CONFIG)
    assert not wide.grids.stored["x"].transposed


def test_the_fewest_words_and_neighbours_beside() -> None:
    """Four words, whatever the shape; those of blocks one pixel wide share windows."""
    grid = arrange(one_layer((1, 8, 8), (3, 3), padding=(1, 1)), CONFIG).grids.stored["y"]
    assert (grid.words, grid.steps) == (4, 1)


def test_weights_do_not_matter(rng: np.random.Generator) -> None:
    """Operating points of a network lie alike."""
    for _ in range(20):
        state = rng.bit_generator.state
        network, _ = random_network(rng, 3, layers=4)
        config = random_config(rng)
        rng.bit_generator.state = state
        again, _ = random_network(rng, 3, layers=4)
        for layer in again.layers:
            for source in getattr(layer, "sources", ()):
                source.weights[:] = 1
        first, second = arrange(network, config), arrange(again, config)
        assert first.placements == second.placements
        assert first.grids == second.grids


def test_the_next_best_is_taken_where_memory_is_short() -> None:
    """Three columns of a map of 2 x 33 pixels need the most words."""
    network = one_layer((1, 2, 33), (1, 3), padding=(0, 1))
    needed = arrange(network, CONFIG).placements["x"].words
    assert needed > 1
    small = AcceleratorConfig(lanes=4, cores=4, banks=2, activation_words=16)
    with pytest.raises(InputError, match="activation_words"):
        arrange(one_layer((1, 20, 20), (1, 1)), small)


def test_maps_keep_their_names() -> None:
    found = arrange(one_layer((1, 9, 2), (1, 1)), CONFIG)
    assert set(found.placements) == {"x"}
    assert isinstance(found.network.tensors["x"], Tensor)
