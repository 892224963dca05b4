"""What lanes work on: tiles of a network's layers, with activations that an image makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.integer.network import Accumulate, IntegerNetwork, accumulator_bits
from pann_hw.integer.run import quantise_input, run

__all__ = ["TAPS", "Tile", "record_tiles", "sum_width"]

TAPS = 3
"""Weights of a window: those of a kernel's row."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One output channel at as many output pixels as there are lanes, over some input channels.

    Attributes
    ----------
    layer, image : where it is from
    windows : int64 (windows, lanes), rows of pixels, one lane's each; of every input channel one
        for each row of the kernel
    weights : int64 (windows, 3), of the left neighbour, the lane's own pixel, the right one
    width : lanes of a row of the map: the first has no left neighbour, the last no right one
    """

    layer: str
    image: int
    windows: np.ndarray
    weights: np.ndarray
    width: int

    @property
    def sums(self) -> np.ndarray:
        """What the lanes must come to, int64 (lanes,)."""
        count, lanes = self.windows.shape
        padded = np.zeros((count, lanes // self.width, self.width + 2), np.int64)
        padded[:, :, 1:-1] = self.windows.reshape(count, -1, self.width)
        taken = np.stack([padded[:, :, tap : tap + self.width] for tap in range(TAPS)], 1)
        found: np.ndarray = np.einsum("wt,wtl->l", self.weights, taken.reshape(count, TAPS, lanes))
        return found


def record_tiles(
    network: IntegerNetwork, images: np.ndarray, lanes: int, windows: int, seed: int = 0
) -> list[Tile]:
    """A tile of every image and layer, of output channel, place and input channels drawn.

    Layers are those with kernels of 3 x 3, stride 1 and padding all around whose input is an
    activation; each counts as much as every other, as their MACs do in ResNet-8. Of all networks
    and images the same tiles are drawn.

    Parameters
    ----------
    images : float (n, C, H, W)
    lanes : output pixels
    windows : of a tile, a multiple of 3

    Raises
    ------
    ValueError : no layer is such
    """
    inputs = quantise_input(network, images)
    tensors = {name: value.numpy() for name, value in run(network, inputs).items()}
    tiles = []
    for number, layer in enumerate(_layers(network)):
        (source,) = (s for s in layer.sources if s.weights.shape[2:] == (TAPS, TAPS))
        channels, height, width = layer.output.shape
        columns = min(width, lanes)
        rows = lanes // columns
        taken = min(windows // TAPS, source.weights.shape[1])
        for image in range(len(images)):
            rng = np.random.default_rng([seed, number, image])
            output = int(rng.integers(channels))
            first = int(rng.integers(source.weights.shape[1] - taken + 1))
            top = int(rng.integers(height // rows)) * rows
            left = int(rng.integers(width // columns)) * columns
            x = np.pad(tensors[source.tensor][image], ((0, 0), (1, 1), (0, 0)))
            windows_taken = [
                x[channel, top + row : top + row + rows, left : left + columns].reshape(-1)
                for channel in range(first, first + taken)
                for row in range(TAPS)
            ]
            weights = source.weights[output, first : first + taken].reshape(-1, TAPS)
            tiles.append(
                Tile(
                    layer.output.name,
                    image,
                    np.array(windows_taken, np.int64),
                    weights.astype(np.int64),
                    columns,
                )
            )
    if not tiles:
        raise ValueError("no layer has kernels of 3 x 3, stride 1, padding and unsigned inputs")
    return tiles


def sum_width(network: IntegerNetwork) -> int:
    """Signed bits that hold all sums of the network in any order: an accumulator's width."""
    tensors = network.tensors
    return max(
        accumulator_bits(layer, tensors)
        for layer in network.layers
        if isinstance(layer, Accumulate)
    )


def _layers(network: IntegerNetwork) -> Sequence[Accumulate]:
    tensors = network.tensors
    return [
        layer
        for layer in network.layers
        if isinstance(layer, Accumulate)
        and any(
            source.learned
            and source.weights.shape[2:] == (TAPS, TAPS)
            and source.stride == source.padding == (1, 1)
            and source.end_padding in (None, (1, 1))
            and source.groups == 1
            and source.tensor != network.input.name
            and tensors[source.tensor].zero_point == 0
            for source in layer.sources
        )
    ]
