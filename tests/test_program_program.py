"""The program object: what it says of its own sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.integer.network import Accumulate
from pann_hw.program.compile import compile_network
from pann_hw.program.grid import Grid
from pann_hw.program.program import Placement
from tests.random_networks import random_config, residual_network


def test_words_of_a_placement() -> None:
    grid = Grid(4, 9, 4, 2, 3)
    assert Placement(7, (3, 4, 9), grid, 1).words == 18
    assert Placement(7, (3, 4, 9), grid, 2).words == 12
    assert Placement(7, (3, 4, 9), grid, 4).words == 6


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_passes_cover_every_channel_once(cores: int, rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=8, cores=cores)
    program = compile_network(network, config, "unary")
    for index, layer in enumerate(network.layers):
        passes = [item for item in program.passes if item.layer == index]
        channels = [p.first_channel + i for p in passes for i in range(p.channels)]
        assert channels == list(range(layer.output.shape[0]))
        for item in passes:
            grid = item.grid
            assert (item.output.shape[0], *grid.size) == layer.output.shape
            assert item.tiles == grid.words
            assert item.windows == sum(len(list(s.window_list())) for s in item.segments)
            if not item.raw:
                assert item.output == program.placements[layer.output.name]
            for channel in range(item.channels):
                number = item.first_channel + channel
                bank, word = item.place(channel)
                assert bank == number % config.banks
                assert word == item.output.base + number // config.banks * grid.words
            if isinstance(layer, Accumulate) and layer.scales is not None:
                made = program.channel_orders[index][item.first_channel :][: item.channels]
                assert item.steps == max(len(layer.scales[channel].steps) for channel in made)
            else:
                assert item.steps == 0
    assert program.layer_names == tuple(layer.output.name for layer in network.layers)


@pytest.mark.parametrize("columns", [2, 4, 8, 16])
def test_halves_of_a_word(columns: int, rng: np.random.Generator) -> None:
    """Every pixel of a computed word is written once, to where the halved grid has it."""
    network, _ = residual_network(rng, 2)
    program = compile_network(network, random_config(rng, lanes=16), "unary")
    item = program.passes[0]
    grid = Grid(16 // columns * 4 - 1, 3 * columns - 2, columns, 4, 3)
    output = replace(item.output, grid=grid.halved())
    item = replace(item, grid=grid, output=output)
    assert item.halve
    written = []
    for tile in range(item.tiles):
        pixels = {lane: (y, x) for lane, y, x in grid.lanes(tile)}
        for word, source, lanes in item.stores(tile, 16):
            stored = {lane: (y, x) for lane, y, x in output.grid.lanes(word)}
            for lane in np.flatnonzero(lanes).tolist():
                assert pixels.get(int(source[lane])) == stored.get(lane)
                written += [stored[lane]] if lane in stored else []
    assert sorted(written) == list(np.ndindex(grid.height, grid.width))


def test_words_of_each_term_memory(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=8, cores=3)
    program = compile_network(network, config, "unary")
    sizes = [0] * 3
    for item in program.passes:
        for core, stream in enumerate(item.bundles):
            sizes[core] += len(stream)
    assert program.term_words == tuple(sizes)
