"""Tiles are a network's own activations and weights, and their sums are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.lanes_tiles import Tile, record_tiles, sum_width
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import quantise_input, run

LANES = 8


@pytest.fixture
def network(rng: np.random.Generator) -> IntegerNetwork:
    """Two convolutions of 3 x 3, the second of them of an activation, and outputs."""

    def layer(name: str, source: str, outputs: int, inputs: int, size: int) -> Accumulate:
        weights = rng.integers(-3, 4, (outputs, inputs, size, size))
        padding = (size // 2, size // 2)
        shape = (outputs, 8, 8)
        return Accumulate(
            Tensor(name, shape, 6),
            (Source(source, weights, padding=padding),),
            np.zeros(outputs, np.int64),
            None if name == "out" else (Scale(((1, 3),)),) * outputs,
            63,
        )

    return IntegerNetwork(
        Tensor("in", (2, 8, 8), 8),
        (layer("a", "in", 6, 2, 3), layer("b", "a", 4, 6, 3), layer("out", "b", 2, 4, 1)),
    )


def test_sums_are_those_of_a_convolution(network: IntegerNetwork, rng: np.random.Generator) -> None:
    images = rng.uniform(0, 255, (2, 2, 8, 8)).astype(np.float32)
    tiles = record_tiles(network, images, LANES, 36)
    assert [(tile.layer, tile.image) for tile in tiles] == [("b", 0), ("b", 1)]
    sums = run(network, quantise_input(network, images))
    weights = torch.from_numpy(network.layers[1].sources[0].weights)  # type: ignore[union-attr]
    whole = torch.nn.functional.conv2d(sums["a"].double(), weights.double(), padding=1).numpy()
    for tile in tiles:
        # All six channels of some output channel and row of the map.
        assert tile.windows.shape == (18, LANES) and tile.width == 8
        assert (whole[tile.image] == tile.sums).all(-1).any()


def test_the_same_tiles_are_drawn_again(network: IntegerNetwork, rng: np.random.Generator) -> None:
    images = rng.uniform(0, 255, (1, 2, 8, 8)).astype(np.float32)
    one, other = (record_tiles(network, images, 16, 9)[0] for _ in range(2))
    assert one.windows.shape == (9, 16)
    assert (one.windows == other.windows).all() and (one.weights == other.weights).all()


def test_a_lane_at_an_edge_has_no_neighbour_there() -> None:
    windows = np.array([[1, 2, 3, 4]])
    tile = Tile("a", 0, windows, np.array([[10, 100, 1000]]), 2)
    assert tile.sums.tolist() == [2100, 210, 4300, 430]


def test_accumulators_hold_the_largest_sums(network: IntegerNetwork) -> None:
    weights = network.layers[1].sources[0].weights  # type: ignore[union-attr]
    first = network.layers[0].sources[0].weights  # type: ignore[union-attr]
    largest = max(
        int(np.abs(weights).sum((1, 2, 3)).max()) * 63,
        int(np.abs(first).sum((1, 2, 3)).max()) * 255,
    )
    assert sum_width(network) == largest.bit_length() + 1


def test_a_network_without_such_layers_is_refused(network: IntegerNetwork) -> None:
    first = network.layers[0]
    assert isinstance(first, Accumulate)
    short = IntegerNetwork(network.input, (replace(first, scales=None),))
    with pytest.raises(ValueError, match="no layer has kernels of 3 x 3"):
        record_tiles(short, np.zeros((1, 2, 8, 8), np.float32), LANES, 9)
