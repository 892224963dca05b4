"""The program object: what it says of its own sizes."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.integer.network import Accumulate
from pann_hw.program.compile import compile_network
from pann_hw.program.program import Placement
from tests.random_networks import random_config, residual_network


def test_words_of_a_placement() -> None:
    assert Placement(7, (3, 4, 9), 2).words == 24


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_passes_cover_every_channel_once(cores: int, rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=8, cores=cores, max_stride=2)
    program = compile_network(network, config, "unary")
    for index, layer in enumerate(network.layers):
        passes = [item for item in program.passes if item.layer == index]
        channels = [p.first_channel + i for p in passes for i in range(p.channels)]
        assert channels == list(range(layer.output.shape[0]))
        for item in passes:
            assert (item.rows, item.width) == layer.output.shape[1:]
            assert (item.tiles_per_row - 1) * 8 + item.last_valid(8) == item.width
            assert 1 <= item.last_valid(8) <= 8
            if isinstance(layer, Accumulate) and layer.scales is not None:
                scales = layer.scales[item.first_channel : item.first_channel + item.channels]
                assert item.steps == max(len(scale.steps) for scale in scales)
            else:
                assert item.steps == 0
    assert program.layer_names == tuple(layer.output.name for layer in network.layers)


def test_words_of_each_term_memory(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=8, cores=3, max_stride=2)
    program = compile_network(network, config, "unary")
    sizes = [0] * (3 * config.rails)
    for item in program.passes:
        for core, streams in enumerate(item.terms):
            for rail, stream in enumerate(streams):
                sizes[core * config.rails + rail] += len(stream)
    assert program.term_words == tuple(sizes)
