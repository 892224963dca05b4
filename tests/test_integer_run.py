"""The PyTorch reference against obvious loops in NumPy, on random networks of odd shapes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    MaxPool,
    Source,
    Tensor,
    window_count,
)
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import predict, quantise_input, run


def obvious(network: IntegerNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """run() for one image, pixel by pixel in Python integers and exact fractions."""
    values = {network.input.name: x}
    for layer in network.layers:
        result = np.zeros(layer.output.shape, dtype=np.int64)
        for c, i, j in np.ndindex(layer.output.shape):
            if isinstance(layer, MaxPool):
                result[c, i, j] = max(window(values[layer.tensor][c], i, j, layer, 0))
                continue
            total = int(layer.bias[c])
            for source in layer.sources:
                if 0 <= c - source.first_channel < len(source.weights):
                    zero = network.tensors[source.tensor].zero_point
                    total += contribution(source, c, values[source.tensor], i, j, zero)
            if layer.scales is not None:
                rounded = total * layer.scales[c].value + Fraction(1, 2)
                total = min(max(rounded.numerator // rounded.denominator, 0), layer.q_max)
            result[c, i, j] = total
        values[layer.output.name] = result
    return values


def window(x: np.ndarray, i: int, j: int, layer: MaxPool, outside: int) -> list[int]:
    rows = [i * layer.stride[0] - layer.padding[0] + k for k in range(layer.kernel[0])]
    columns = [j * layer.stride[1] - layer.padding[1] + k for k in range(layer.kernel[1])]
    return [pixel(x, r, c, outside) for r in rows for c in columns]


def pixel(x: np.ndarray, row: int, column: int, outside: int) -> int:
    inside = 0 <= row < x.shape[0] and 0 <= column < x.shape[1]
    return int(x[row, column]) if inside else outside


def contribution(source: Source, c: int, x: np.ndarray, i: int, j: int, zero: int) -> int:
    o = c - source.first_channel
    inputs = source.weights.shape[1]
    first = o // (len(source.weights) // source.groups) * inputs
    total = 0
    for k, u, v in np.ndindex(source.weights.shape[1:]):
        row = i * source.stride[0] - source.padding[0] + u
        column = j * source.stride[1] - source.padding[1] + v
        total += int(source.weights[o, k, u, v]) * pixel(x[first + k], row, column, zero)
    return total


def output_shape(
    shape: tuple[int, int, int],
    channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    end: tuple[int, int],
) -> tuple[int, int, int]:
    height, width = (
        window_count(shape[a + 1], kernel[a], stride[a], padding[a], end[a]) for a in (0, 1)
    )
    return channels, height, width


def random_network(rng: np.random.Generator) -> IntegerNetwork:
    """conv (random shape), its residual sum with a copy, a concatenation, max pool, raw linear."""
    groups = int(rng.choice([1, 2, 4]))
    shape = (4, int(rng.integers(5, 9)), int(rng.integers(5, 9)))
    x = Tensor("x", shape, 8, int(rng.integers(0, 256)))
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = (int(rng.integers(0, kernel[0])), int(rng.integers(0, kernel[1])))
    # Below the padding of the other side, above it, or pixels left out.
    end = (int(rng.integers(-1, kernel[0])), int(rng.integers(-1, kernel[1])))
    weights = rng.integers(-6, 7, (8, 4 // groups, *kernel))
    bits = int(rng.integers(2, 9))
    q_max = int(rng.integers(1, 2**bits))
    one = Tensor("one", output_shape(shape, 8, kernel, stride, padding, end), bits, q_max // 2)
    scales = tuple(Scale.nearest(float(f)) for f in rng.choice([0.011, 0.3, 0.07], 8))
    first = Accumulate(
        one,
        (Source("x", weights, stride, padding, groups, end_padding=end),),
        rng.integers(-500, 500, 8),
        scales,
        q_max,
    )
    two = Tensor("two", one.shape, 4, 3)
    identity = np.ones((8, 1, 1, 1), np.int64)
    three = rng.integers(-2, 3, (8, 8, 3, 3))
    second = Accumulate(
        two,
        (
            Source("one", three, padding=(1, 1)),
            Source("one", identity * 2, groups=8, learned=False),
        ),
        rng.integers(-50, 50, 8),
        (Scale.nearest(0.1),) * 8,
        15,
    )
    cat = Tensor("cat", (16, *one.shape[1:]), 8, 0)
    third = Accumulate(
        cat,
        (
            Source("one", identity, groups=8, learned=False),
            Source("two", identity, groups=8, first_channel=8, learned=False),
        ),
        np.zeros(16, np.int64),
        (Scale.nearest(1.0),) * 8 + (Scale.nearest(0.5),) * 8,
        255,
        "concat",
    )
    pooled = Tensor("pool", output_shape(cat.shape, 16, (2, 3), (1, 2), (1, 1), (0, 2)), 8, 0)
    pool = MaxPool(pooled, "cat", (2, 3), (1, 2), (1, 1), (0, 2))
    last = Accumulate(
        Tensor("y", (5, 1, 1), 8),
        (Source("pool", rng.integers(-9, 10, (5, *pooled.shape))),),
        rng.integers(-9, 9, 5),
        None,
        255,
        "linear",
    )
    return IntegerNetwork(x, (first, second, third, pool, last))


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    x = rng.integers(0, 256, (2, *network.input.shape))
    found = run(network, x)
    assert list(found) == [network.input.name, *(layer.output.name for layer in network.layers)]
    for index, image in enumerate(x):
        for name, expected in obvious(network, image).items():
            assert found[name].dtype == torch.int64
            wrong = int((found[name][index].numpy() != expected).sum())
            assert wrong == 0, f"seed {seed}, {name!r}: {wrong} of {expected.size} differ"


def test_large_sums_are_exact() -> None:
    weights = np.full((1, 64, 1, 1), 2**33 + 1, np.int64)
    network = IntegerNetwork(
        Tensor("x", (64, 1, 1), 8),
        (
            Accumulate(
                Tensor("y", (1, 1, 1), 8), (Source("x", weights),), np.ones(1, np.int64), None, 255
            ),
        ),
    )
    x = np.full((1, 64, 1, 1), 255)
    assert int(run(network, x)["y"]) == 64 * 255 * (2**33 + 1) + 1


def linear(scale: float, zero_point: int, bits: int = 8) -> IntegerNetwork:
    weights = np.array([[[[1]]], [[[-1]]]], np.int64)
    return IntegerNetwork(
        Tensor("x", (1, 1, 1), bits, zero_point, scale),
        (
            Accumulate(
                Tensor("y", (2, 1, 1), 8),
                (Source("x", weights),),
                np.array([-zero_point, zero_point]),
                None,
                255,
            ),
        ),
    )


def test_input_rounds_half_up_and_clamps() -> None:
    x = np.array([-9.0, -0.75, -0.5, -0.25, 0.25, 0.5, 9.0]).reshape(-1, 1, 1, 1)
    assert quantise_input(linear(0.5, 2, 3), x).ravel().tolist() == [0, 1, 1, 2, 3, 3, 7]


def test_predict_takes_the_largest_output() -> None:
    x = np.array([-1.0, 1.0] * 300, np.float32).reshape(-1, 1, 1, 1)
    assert predict(linear(0.1, 100), x).tolist() == [1, 0] * 300


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 1, 1, 2)), "shape"),
        (np.zeros((0, 1, 1, 1)), "no samples"),
        (np.full((1, 1, 1, 1), np.nan), "NaN"),
        (np.full((1, 1, 1, 1), np.inf), "infinite"),
        (np.full((1, 1, 1, 1), "a"), "real numbers"),
        (np.zeros((1, 1, 1, 1), complex), "real numbers"),
    ],
)
def test_bad_images(x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        quantise_input(linear(0.1, 0), x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 1, 1, 1)),
        np.full((1, 1, 1, 1), 256),
        np.full((1, 1, 1, 1), -1),
        np.zeros((1, 2, 1, 1), int),
    ],
)
def test_bad_integers(x: np.ndarray) -> None:
    with pytest.raises(ValueError, match="input"):
        run(linear(0.1, 0), x)
