"""Integer networks made by hand or by chance, whose layers use the whole range of their outputs."""

from __future__ import annotations

import numpy as np
import torch

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    Layer,
    MaxPool,
    Source,
    Tensor,
    accumulator_bits,
    ends,
    window_count,
)
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run_layer
from pann_hw.program.program import Program
from pann_hw.program.stores import output_map, store_map

__all__ = [
    "NetworkBuilder",
    "even_network",
    "feature_map_network",
    "layer_arrays",
    "linear_network",
    "one_layer",
    "random_config",
    "random_network",
    "residual_network",
    "width_needed",
]

Pair = tuple[int, int]


class NetworkBuilder:
    """Layers one after another; biases and scales are fitted to ``images``.

    Without that, most layers of random weights would be all 0 or all at their upper clamp, and
    would hide errors.

    Attributes
    ----------
    images : int64 (n, C, H, W), inputs of the network
    layers : so far
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        bits: int = 8,
        zero_point: int = 0,
        count: int = 2,
    ) -> None:
        self._rng = rng
        self._input = Tensor("x", shape, bits, zero_point)
        self.images = rng.integers(0, 2**bits, (count, *shape))
        self.layers: list[Layer] = []
        self._values = {"x": torch.from_numpy(self.images)}
        self._tensors = {"x": self._input}

    def network(self) -> IntegerNetwork:
        """The finished network."""
        return IntegerNetwork(self._input, tuple(self.layers))

    def shape(self, tensor: str) -> tuple[int, int, int]:
        """Shape of a tensor made so far."""
        return self._tensors[tensor].shape

    def weights(self, *shape: int) -> np.ndarray:
        """Laplacian weights, many of them 0; some output channels have none at all."""
        weights = np.rint(self._rng.laplace(0, 1.3, shape)).astype(np.int64).clip(-7, 7)
        if shape[0] > 2:
            weights[self._rng.random(shape[0]) < 0.1] = 0
        return weights

    def convolution(
        self,
        tensor: str,
        channels: int,
        kernel: Pair,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        groups: int = 1,
        first_channel: int = 0,
        end_padding: Pair | None = None,
    ) -> Source:
        """A source of random weights."""
        weights = self.weights(channels, self.shape(tensor)[0] // groups, *kernel)
        return Source(
            tensor, weights, stride, padding, groups, first_channel, end_padding=end_padding
        )

    def copy(self, tensor: str, weight: int = 1, first_channel: int = 0) -> Source:
        """A source that adds every channel of a tensor, times ``weight``."""
        channels = self.shape(tensor)[0]
        weights = np.full((channels, 1, 1, 1), weight, np.int64)
        return Source(tensor, weights, groups=channels, first_channel=first_channel, learned=False)

    def mean(self, tensor: str, kernel: Pair, stride: Pair) -> Source:
        """A source that sums windows of each channel."""
        channels = self.shape(tensor)[0]
        ones = np.ones((channels, 1, *kernel), np.int64)
        return Source(tensor, ones, stride, groups=channels, learned=False)

    def accumulate(
        self,
        *sources: Source,
        bits: int = 4,
        zero_point: int = 0,
        raw: bool = False,
        one_scale: bool = False,
    ) -> str:
        """Add a layer of these sources and return its output's name.

        With ``one_scale`` all output channels have the same, as where weights have one step.
        """
        channels = max(source.first_channel + len(source.weights) for source in sources)
        height, width = self._windows(sources[0])
        output = Tensor(f"t{len(self.layers)}", (channels, height, width), bits, zero_point)
        plain = Accumulate(output, sources, np.zeros(channels, np.int64), None, 0)
        sums = run_layer(plain, self._values, self._tensors).numpy()
        axes = (0, 1, 2, 3) if one_scale else (0, 2, 3)
        low, high = (
            np.broadcast_to(np.percentile(sums, share, axis=axes), channels) for share in (15, 85)
        )
        q_max = 2**bits - 1
        chance = self._rng.uniform(0.7, 1.4, 1 if one_scale else channels)
        factors = q_max / np.maximum(high - low, 1) * chance
        digits = int(self._rng.integers(2, 4))
        scales = None if raw else tuple(Scale.nearest(f, digits) for f in factors)
        bias = np.rint(-low + zero_point / factors).astype(np.int64)
        return self._add(Accumulate(output, sources, bias, scales, q_max))

    def pool(
        self,
        tensor: str,
        kernel: Pair,
        stride: Pair,
        padding: Pair = (0, 0),
        end_padding: Pair | None = None,
    ) -> str:
        """Add max pooling and return its output's name."""
        source = self._tensors[tensor]
        end = padding if end_padding is None else end_padding
        height, width = (
            window_count(source.shape[a + 1], kernel[a], stride[a], padding[a], end[a])
            for a in (0, 1)
        )
        name, shape = f"t{len(self.layers)}", (source.shape[0], height, width)
        output = Tensor(name, shape, source.bits, source.zero_point)
        return self._add(MaxPool(output, tensor, kernel, stride, padding, end_padding))

    def _windows(self, source: Source) -> Pair:
        shape, kernel = self.shape(source.tensor), source.weights.shape[2:]
        height, width = (
            window_count(
                shape[a + 1], kernel[a], source.stride[a], source.padding[a], ends(source)[a]
            )
            for a in (0, 1)
        )
        return height, width

    def _add(self, layer: Layer) -> str:
        self.layers.append(layer)
        name = layer.output.name
        self._values[name] = run_layer(layer, self._values, self._tensors)
        self._tensors[name] = layer.output
        return name


def residual_network(
    rng: np.random.Generator, max_stride: int
) -> tuple[IntegerNetwork, np.ndarray]:
    """A network with residual, concatenation, pooling and linear layers, and its images.

    Kernels 1x1, 2x5, 3x3, 5x5 and 7x7, dense, grouped and depthwise; strides up to
    ``max_stride``; padding 0 to 3; zero points on the input and inside; 2- to 8-bit tensors.
    """
    b = NetworkBuilder(rng, (3, 7, 37), 8, zero_point=7)
    stem = b.accumulate(b.convolution("x", 5, (3, 3), padding=(1, 1)))
    depthwise = b.convolution(stem, 5, (3, 3), padding=(1, 1), groups=5)
    added = b.accumulate(depthwise, b.copy(stem, 3), bits=4, zero_point=3)
    pooled = b.pool(added, (3, 3), (2, 2), (1, 1))
    large = b.accumulate(b.convolution(pooled, 6, (7, 7), padding=(3, 3)), bits=2)
    joined = b.accumulate(
        b.copy(pooled, 9), b.copy(large, 25, first_channel=5), bits=8, zero_point=90
    )
    across = b.convolution(joined, 3, (2, 5), (1, max_stride), (0, 1))
    b.accumulate(across, bits=5)
    grouped = b.accumulate(b.convolution(large, 9, (5, 5), (2, 2), (2, 2), groups=3), bits=3)
    both = b.accumulate(
        b.convolution(joined, 4, (1, 1), (2, 2)),
        b.convolution(grouped, 4, (3, 3), padding=(1, 1)),
        bits=8,
        zero_point=128,
    )
    mean = b.accumulate(b.mean(both, (2, 2), (2, 2)), bits=6, zero_point=11)
    shape = b.shape(mean)
    linear = b.accumulate(b.convolution(mean, 7, shape[1:]), bits=8)
    b.accumulate(b.convolution(linear, 3, (1, 1)), raw=True)
    return b.network(), b.images


def feature_map_network(
    rng: np.random.Generator, max_stride: int
) -> tuple[IntegerNetwork, np.ndarray]:
    """A network of unusual shapes that ends in a raw feature map, and its images.

    Kernels with one row or one column and of even size; windows wholly in the padding; padding
    that differs from side to side; rows and columns left out; a horizontal stride beyond any
    ``max_stride`` where there is one output column; 1-bit tensors.
    """
    b = NetworkBuilder(rng, (2, 5, 35), 4)
    first = b.accumulate(b.convolution("x", 3, (1, 1)), bits=1)
    row = b.accumulate(b.convolution(first, 4, (1, 7), padding=(0, 3)), bits=2)
    column = b.accumulate(b.convolution(row, 2, (3, 1), (3, 1), (2, 0), groups=2), bits=8)
    b.pool(column, (1, 3), (1, 2), (0, 1))
    strided = b.pool(row, (2, 2), (2, max_stride))
    b.accumulate(b.convolution(strided, 3, (2, b.shape(strided)[2]), (1, 5)), bits=3)
    uneven = b.convolution(row, 3, (3, 2), (2, 2), (0, 1), end_padding=(2, 0))
    lower = b.accumulate(uneven, bits=4, zero_point=3)
    b.pool(lower, (2, 3), (1, 2), (1, 0), end_padding=(0, 2))
    b.accumulate(b.convolution(lower, 2, (1, 2), padding=(0, 1), end_padding=(-1, -3)), bits=5)
    even = b.accumulate(b.convolution("x", 5, (4, 2), padding=(1, 1)), bits=7, zero_point=1)
    b.accumulate(
        b.convolution(even, 2, (3, 3), padding=(3, 3)),
        b.convolution("x", 3, (4, 2), padding=(3, 3), first_channel=2),
        raw=True,
    )
    return b.network(), b.images


def even_network(rng: np.random.Generator, _: int) -> tuple[IntegerNetwork, np.ndarray]:
    """A network of rows of a power of two that fill the lanes' columns, and its images."""
    b = NetworkBuilder(rng, (3, 6, 8), 4)
    first = b.accumulate(b.convolution("x", 4, (3, 3), padding=(1, 1)))
    b.accumulate(b.convolution(first, 2, (1, 1)), raw=True)
    return b.network(), b.images


def linear_network(rng: np.random.Generator, _: int) -> tuple[IntegerNetwork, np.ndarray]:
    """A convolution and three linear layers, and its images.

    The first linear layer reads a map, the others vectors; outputs are more than lanes, and no
    multiple of them; weights are -7..7.
    """
    b = NetworkBuilder(rng, (2, 5, 6), 4, count=3)
    first = b.accumulate(b.convolution("x", 3, (3, 3), padding=(1, 1)), bits=2)
    map_ = b.accumulate(b.convolution(first, 70, (5, 6)), bits=1, zero_point=1, one_scale=True)
    vector = b.accumulate(b.convolution(map_, 37, (1, 1)), bits=1, one_scale=True)
    b.accumulate(b.convolution(vector, 6, (1, 1)), raw=True)
    return b.network(), b.images


def random_network(
    rng: np.random.Generator, max_stride: int, layers: int = 4
) -> tuple[IntegerNetwork, np.ndarray]:
    """A network of random small layers, each of which reads random earlier tensors."""
    shape = (int(rng.integers(1, 5)), int(rng.integers(1, 10)), int(rng.integers(1, 20)))
    bits = int(rng.integers(1, 9))
    b = NetworkBuilder(rng, shape, bits, int(rng.integers(0, 2**bits)))
    names = ["x"]
    for index in range(layers):
        tensor = names[int(rng.integers(max(0, len(names) - 3), len(names)))]
        last = index == layers - 1
        if not last and rng.random() < 0.2:
            kernel, stride, padding = _window(rng, b.shape(tensor), max_stride, pool=True)
            names.append(b.pool(tensor, kernel, stride, padding))
        else:
            bits = int(rng.integers(1, 9))
            zero_point = int(rng.integers(0, 2**bits))
            sources = _sources(rng, b, names, tensor, max_stride)
            names.append(b.accumulate(*sources, bits=bits, zero_point=zero_point, raw=last))
    return b.network(), b.images


def _sources(
    rng: np.random.Generator, b: NetworkBuilder, names: list[str], tensor: str, max_stride: int
) -> list[Source]:
    inputs = b.shape(tensor)[0]
    kernel, stride, padding = _window(rng, b.shape(tensor), max_stride)
    groups = int(rng.choice([g for g in range(1, inputs + 1) if inputs % g == 0]))
    channels = groups * int(rng.integers(1, 4))
    first = b.convolution(tensor, channels, kernel, stride, padding, groups)
    size = [window_count(b.shape(tensor)[a + 1], kernel[a], stride[a], padding[a]) for a in (0, 1)]
    partners = [n for n in names if list(b.shape(n)[1:]) == size]
    choice = rng.random()
    if not partners or choice < 0.4:
        return [first]
    partner = str(rng.choice(partners))
    if choice < 0.7:
        # A residual addition to some or all of the channels.
        count = int(rng.integers(1, channels + 1))
        shift = int(rng.integers(0, channels - count + 1))
        return [first, b.convolution(partner, count, (1, 1), first_channel=shift)]
    return [first, b.copy(partner, int(rng.integers(1, 4)), first_channel=channels)]


def _window(
    rng: np.random.Generator, shape: tuple[int, int, int], max_stride: int, *, pool: bool = False
) -> tuple[Pair, Pair, Pair]:
    pairs = []
    for size, limit in ((shape[1], 4), (shape[2], max_stride)):
        kernel = int(rng.integers(1, 8))
        padding = int(rng.integers(0, (kernel // 2 if pool else 3) + 1))
        kernel = min(kernel, size + 2 * padding)
        padding = min(padding, kernel // 2) if pool else padding
        pairs.append((kernel, int(rng.integers(1, limit + 1)), padding))
    (k0, s0, p0), (k1, s1, p1) = pairs
    return (k0, k1), (s0, s1), (p0, p1)


def one_layer(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    channels: int = 1,
) -> IntegerNetwork:
    """A network of one raw convolution whose weights are all 0 but the last."""
    weights = np.zeros((channels, shape[0], *kernel), np.int64)
    weights[:, -1, -1, -1] = 1
    size = [(shape[a + 1] + 2 * padding[a] - kernel[a]) // stride[a] + 1 for a in (0, 1)]
    output = Tensor("y", (channels, size[0], size[1]), 8)
    source = Source("x", weights, stride, padding)
    layer = Accumulate(output, (source,), np.zeros(channels, np.int64), None, 0)
    return IntegerNetwork(Tensor("x", shape, 8), (layer,))


def random_config(rng: np.random.Generator, **fixed: int | str) -> AcceleratorConfig:
    """A configuration with memories that are large enough for the networks of this module."""
    lane = str(rng.choice(["csd", "unary"]))
    banks = int(rng.choice([1, 2, 4]))
    values: dict[str, int | str] = {
        "lanes": int(rng.choice([4, 8, 16, 32])),
        "cores": int(rng.integers(1, 5)),
        "lane": lane,
        "rails": int(rng.integers(1, 3)),
        "terms_per_rail": int(rng.integers(1, 3)),
        "max_shift": int(rng.choice([1, 3, 7])),
        "banks": banks,
        "window_slots": int(rng.choice([slots for slots in (4, 8, 16) if slots >= 2 * banks])),
        "accumulator_width": 24,
        "activation_words": 8192,
        "term_words": 65536,
        "descriptor_words": 65536,
    }
    if values["cores"] in (2, 4):
        # With one rail signed accumulators are to be met as well.
        values["accumulator"] = "signed"
    return AcceleratorConfig.of(values | fixed, "random")


def width_needed(*networks: IntegerNetwork) -> int:
    """Accumulator bits that the networks need, and not one more."""
    return max(
        accumulator_bits(layer, network.tensors)
        for network in networks
        for layer in network.layers
        if isinstance(layer, Accumulate)
    )


def layer_arrays(
    network: IntegerNetwork, program: Program, stores: np.ndarray, outputs: np.ndarray
) -> dict[str, np.ndarray]:
    """Every layer's output (n, C, H, W) from stored words (n, stores, N) and the output stream.

    Elements that nobody wrote are -1; an element that is written twice is an error.
    """
    count = len(stores)
    arrays = {
        layer.output.name: np.full((count, *layer.output.shape), -1, np.int64)
        for layer in network.layers
    }
    entries = store_map(program)
    assert stores.shape == (count, len(entries), program.config.lanes)
    for number, (layer, values) in enumerate(entries):
        array = arrays[program.layer_names[layer]]
        for lane, channel, row, column in values:
            target = array[:, channel, row, column]
            assert (target == -1).all(), f"element {channel}, {row}, {column} is stored twice"
            target[...] = stores[:, number, lane]
    raw = arrays[program.layer_names[-1]]
    places = output_map(program)
    assert outputs.shape == (count, len(places)) == (count, len(set(places)))
    for number, (channel, row, column) in enumerate(places):
        raw[:, channel, row, column] = outputs[:, number]
    return arrays
