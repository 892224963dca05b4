"""What a network computes on real inputs, as far as arithmetic units are measured with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pann_hw.errors import InputError
from pann_hw.integer.run import check_images
from pann_hw.network.graph import Add, AveragePool, Convolution, FloatGraph, MaxPool
from pann_hw.quantise.calibrate import Statistics, choose_range
from pann_hw.quantise.fuse import fuse

__all__ = ["FeatureMap", "Recording", "record"]

_IMAGES = 128
_MOST_VALUES = 2**22  # of a map: some images of a large network, and no more memory than that
_BATCH = 8
_SAMPLES = 16384


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Real values of one map of a network, and the grids that they are rounded to.

    Attributes
    ----------
    name : of the value in the float graph
    values : float32 (n, C, H, W)

    Raises
    ------
    InputError : values that are not finite, or all the same
    """

    name: str
    values: np.ndarray

    def __post_init__(self) -> None:
        if not np.isfinite(self.values).all():
            raise InputError(
                f"map {self.name!r} has values that are not finite: check the scale "
                f"of data and network"
            )
        if self.values.min() == self.values.max():
            raise InputError(
                f"map {self.name!r} is constant at {self.values.min():g} on this data, must have "
                f"two or more distinct values: give data on which the network is active"
            )

    def quantised(
        self, bits: int, values: np.ndarray | None = None, *, signed: bool = False
    ) -> np.ndarray:
        """``q = floor(v / step + zero_point + 1/2)``, clipped, int64.

        The step is that of least mean squared error over the whole map, the zero point is 0 where
        no value is negative. Signed words have no zero point, and one bit less for the magnitude.

        Parameters
        ----------
        bits : 2..8
        values : some of the map's values, of any shape; None is all
        """
        known, smallest = self._statistics, 0
        if signed:
            peak = max(-known.minimum, known.maximum)
            known, bits = Statistics(0.0, peak, np.abs(known.sample)), bits - 1
            smallest = -(2**bits)
        grid = choose_range(known, bits)
        real = (self.values if values is None else values).astype(np.float64)
        q = np.floor(real / grid.step + (grid.zero_point + 0.5))
        words: np.ndarray = q.clip(smallest, 2**bits - 1).astype(np.int64)
        return words

    @cached_property
    def _statistics(self) -> Statistics:
        chosen = np.random.default_rng(0).integers(0, self.values.size, _SAMPLES)
        sample = self.values.ravel()[chosen].astype(np.float64)
        return Statistics(float(self.values.min()), float(self.values.max()), sample)


@dataclass(frozen=True, eq=False)
class Recording:
    """A layer of a network and the maps around it.

    Attributes
    ----------
    layer : whose products are taken
    input : what the layer reads
    pooled : what a pooling reads; the layer's input where the network has no pooling
    added : what a residual addition adds; the layer's input, and itself one channel on, where the
        network has none
    """

    layer: Convolution
    input: FeatureMap
    pooled: FeatureMap
    added: tuple[FeatureMap, FeatureMap]


def record(graph: FloatGraph, x: np.ndarray) -> Recording:
    """Run a float graph on the first inputs: 128, or as many as make 4 million values of a map.

    The layer is the hidden convolution with the most multiply-accumulates (of equals the first);
    without any, the hidden linear layer, then the first layer. Hidden layers are those that do not
    read the network's input. Pooling and addition are those of the largest maps.

    Parameters
    ----------
    x : images of shape (n, C, H, W), finite

    Raises
    ------
    InputError : a network without convolution or linear layer, weights that are all 0, x of wrong
        shape or dtype, empty or not finite, or activations that are constant or not finite
    """
    check_images(x, graph.input_shape, "data")
    # Poolings read clamped values, as they do on the hardware.
    graph = fuse(graph).graph
    layer = _layer(graph)
    source = layer.inputs[0]
    pool = _largest(graph, (n for n in graph.nodes if isinstance(n, MaxPool | AveragePool)))
    pooled = source if pool is None else pool[0]
    added = _largest(graph, (n for n in graph.nodes if isinstance(n, Add)))
    names = (source, pooled, *(added or ()))
    largest = max(int(np.prod(graph.shapes[name])) for name in names)
    values = _values(graph, x[: min(_IMAGES, max(1, _MOST_VALUES // largest))], names)
    maps = {name: FeatureMap(name, value) for name, value in values.items()}
    if added is None:
        neighbour = FeatureMap(source, np.roll(values[source], -1, axis=1))
        return Recording(layer, maps[source], maps[pooled], (maps[source], neighbour))
    return Recording(layer, maps[source], maps[pooled], (maps[added[0]], maps[added[1]]))


def _layer(graph: FloatGraph) -> Convolution:
    def rank(node: Convolution) -> tuple[bool, bool, int]:
        _, height, width = graph.shapes[node.name]
        hidden = node.inputs[0] != graph.input_name
        return hidden, height * width > 1, node.weight.numel() * height * width

    layers = [node for node in graph.nodes if isinstance(node, Convolution)]
    if not layers:
        raise InputError(
            "the network has no convolution and no linear layer: there is nothing to record"
        )
    layer = max(layers, key=rank)
    if not bool(layer.weight.any()):
        raise InputError(f"layer {layer.name!r}: all weights are 0, one at least must not be")
    return layer


def _largest(
    graph: FloatGraph, nodes: Iterable[MaxPool | AveragePool | Add]
) -> tuple[str, ...] | None:
    """What the first of the nodes with the largest maps reads; None without any node."""
    sizes = {node.inputs: int(np.prod(graph.shapes[node.inputs[0]])) for node in nodes}
    return max(sizes, key=lambda inputs: sizes[inputs], default=None)


def _values(graph: FloatGraph, x: np.ndarray, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Values by name, batch after batch: all values of all images at once may fill the memory."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for start in range(0, len(x), _BATCH):
        batch = np.ascontiguousarray(x[start : start + _BATCH], np.float32)
        with torch.no_grad():
            values = graph.values(torch.from_numpy(batch))
        for name, part in parts.items():
            part.append(values[name].numpy())
    return {name: np.concatenate(part) for name, part in parts.items()}
