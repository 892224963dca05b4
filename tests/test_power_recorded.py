"""Operands of a network: real windows and weights, sums, pooling windows and pairs, in order."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.network import digits
from pann_hw.network.graph import Convolution
from pann_hw.power.recorded import Recorded
from pann_hw.power.recording import record
from pann_hw.power.sources import create_source
from tests.quantise_graphs import Draft, images


def recorded(
    seed: int = 0, *, groups: int = 1, stride: int = 1, clamped: bool = True, count: int = 5
) -> Recorded:
    draft = Draft()
    hidden = draft.convolution("x", 4)
    hidden = draft.relu(hidden) if clamped else hidden
    graph = draft.graph(draft.convolution(hidden, 6, stride=stride, groups=groups))
    return Recorded(record(graph, images(count)), seed, sequences=20, length=30)


def windows(x: np.ndarray, layer: Convolution) -> dict[tuple[int, int, int, int], list[int]]:
    """What each output value multiplies, by image, channel, row and column, value by value."""
    outputs, depth, height, width = layer.weight.shape
    n, _, rows, columns = x.shape
    (down, across), (top, left) = layer.stride, layer.padding
    found = {}
    for image, channel in np.ndindex(n, outputs):
        first = channel // (outputs // layer.groups) * depth
        for row in range((rows + 2 * top - height) // down + 1):
            for column in range((columns + 2 * left - width) // across + 1):
                values = []
                for i, r, c in np.ndindex(depth, height, width):
                    at = row * down + r - top, column * across + c - left
                    inside = 0 <= at[0] < rows and 0 <= at[1] < columns
                    values.append(int(x[image, first + i, *at]) if inside else 0)
                found[image, channel, row, column] = values
    return found


def least_error(row: np.ndarray, low: int, high: int) -> tuple[int, ...]:
    """A channel's weights with the step that errs least, of all whose ends are 1 to 4 peaks."""
    found: list[tuple[float, tuple[int, ...]]] = []
    for eighths in range(8, 33):
        step = np.abs(row).max() / (high * (eighths / 8))
        words = [min(max(int(np.floor(value / step + 0.5)), low), high) for value in row]
        error = sum((word * step - value) ** 2 for word, value in zip(words, row, strict=True))
        found.append((error, tuple(words)))
    return min(found)[1]


@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("signed", [False, True])
def test_products_are_windows_and_weights_of_one_output(
    groups: int, stride: int, signed: bool, seed: int
) -> None:
    source = recorded(seed, groups=groups, stride=stride)
    recording = source.recording
    layer = recording.layer
    operands = source.products(5, 4, signed)
    depth = 36 // groups
    assert operands["x"].shape == operands["w"].shape == (-(-600 // depth), depth)
    low, high = (-8, 7) if signed else (0, 15)
    weight = layer.weight.numpy().astype(np.float64)
    weight = weight if signed else np.abs(weight)
    rounded = {least_error(row.ravel(), low, high): index for index, row in enumerate(weight)}
    places: dict[tuple[int, ...], set[int]] = {}
    for place, values in windows(recording.input.quantised(5, signed=signed), layer).items():
        places.setdefault(tuple(values), set()).add(place[1])
    for x, w in zip(operands["x"].tolist(), operands["w"].tolist(), strict=True):
        assert rounded[tuple(w)] in places[tuple(x)]
    assert len({tuple(row) for row in operands["x"].tolist()}) > 10
    assert len({tuple(row) for row in operands["w"].tolist()}) > 2


@pytest.mark.parametrize("bits", range(2, 9))
def test_ranges(bits: int, seed: int) -> None:
    source = recorded(seed, clamped=False)
    for signed in (False, True):
        operands = source.products(bits, bits, signed)
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        for words in operands.values():
            assert words.dtype == np.int64
            assert low <= words.min() < words.max() <= high
        assert np.abs(operands["w"]).max() >= high
    for words in (*source.pairs(bits).values(), source.windows(bits, 4)["x"]):
        assert 0 <= words.min() < words.max() <= 2**bits - 1
    relu = recorded(seed).products(bits, bits, True)["x"]
    assert 0 == relu.min() < relu.max() <= 2 ** (bits - 1) - 1


def test_addends_are_products(seed: int) -> None:
    source = recorded(seed)
    operands = source.products(4, 3, True)
    np.testing.assert_array_equal(source.addends(7, True)["d"], operands["x"] * operands["w"])


def test_weights_take_the_additions_over_the_whole_layer(seed: int) -> None:
    source = recorded(seed)
    weight = source.recording.layer.weight.numpy().astype(np.float64)
    gamma = np.abs(weight).sum() / (3.0 * weight.size)
    rows = {tuple(np.floor(row / gamma + 0.5).astype(int).ravel()) for row in weight}
    operands = source.weighted(4, 3.0)
    assert {tuple(row) for row in operands["w"].tolist()} <= rows
    assert np.mean([np.abs(row).mean() for row in rows]) == pytest.approx(3.0, rel=0.05)
    np.testing.assert_array_equal(operands["x"], source.products(4, 4, False)["x"])


@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (2, 2)])
def test_sums_are_dot_products_pixel_after_pixel(groups: int, stride: int) -> None:
    source = recorded(groups=groups, stride=stride)
    recording = source.recording
    weight = recording.layer.weight.numpy().astype(np.float64)
    gamma = np.abs(weight).sum() / (2.0 * weight.size)
    w = np.floor(weight / gamma + 0.5).astype(int).reshape(6, -1).tolist()
    x = recording.input.quantised(4)
    expected = [
        sum(a * b for a, b in zip(values, w[place[1]], strict=True))
        for place, values in windows(x, recording.layer).items()
    ]
    found = source.sums(4, 2.0, 16)["a"]
    count = min(20, len(expected) // 30)
    assert found.shape == (count, 30)
    assert found.ravel().tolist() == expected[: count * 30]


def test_padding_is_the_zero_point_where_values_are_negative() -> None:
    source = recorded(clamped=False)
    recording = source.recording
    zero_point = int(recording.input.quantised(4, np.zeros(1))[0])
    assert zero_point > 0
    weight = recording.layer.weight.numpy().astype(np.float64)
    w = np.floor(weight / (np.abs(weight).sum() / (2.0 * weight.size)) + 0.5).astype(int)
    x = recording.input.quantised(4)[0, :, :2, :2]
    corner = np.full((4, 3, 3), zero_point)
    corner[:, 1:, 1:] = x
    assert source.sums(4, 2.0, 16)["a"][0, 0] == (w[0] * corner).sum()


@pytest.mark.parametrize(
    ("size", "height", "width"),
    [(2, 1, 2), (4, 2, 2), (6, 2, 3), (8, 2, 4), (9, 3, 3), (16, 4, 4), (64, 8, 8)],
)
def test_pooling_windows_lie_beside_each_other(size: int, height: int, width: int) -> None:
    source = recorded()
    q = source.recording.pooled.quantised(4)
    expected = []
    for image, channel in np.ndindex(q.shape[:2]):
        for row in range(8 // height):
            for column in range(8 // width):
                rows = slice(row * height, (row + 1) * height)
                columns = slice(column * width, (column + 1) * width)
                expected.append(q[image, channel, rows, columns].ravel().tolist())
    found = source.windows(4, size)["x"]
    assert len(found) == min(600 // size, len(expected))
    assert found.tolist() == expected[: len(found)]


def test_pairs_are_both_operands_pixel_after_pixel() -> None:
    draft = Draft()
    stem = draft.relu(draft.convolution("x", 4))
    graph = draft.graph(draft.relu(draft.add(stem, draft.convolution(stem, 4))))
    recording = record(graph, images(5))
    pairs = Recorded(recording, sequences=7, length=50).pairs(3)
    for words, each in zip(pairs.values(), recording.added, strict=True):
        assert words.shape == (7, 50)
        np.testing.assert_array_equal(words.ravel(), each.quantised(3).ravel()[:350])
    assert list(pairs) == ["x", "y"]


def test_vectors_have_no_squares() -> None:
    draft = Draft(shape=(20, 1, 1))
    graph = draft.graph(draft.linear(draft.relu(draft.linear("x", 12)), 5))
    x = np.random.default_rng(3).standard_normal((9, 20, 1, 1)).astype(np.float32)
    source = Recorded(record(graph, x), sequences=4, length=24)
    q = source.recording.pooled.quantised(4)
    np.testing.assert_array_equal(source.windows(4, 4)["x"], q.ravel()[:96].reshape(24, 4))
    assert source.products(4, 4, True)["x"].shape == (8, 12)
    assert source.sums(4, 2.0, 16)["a"].shape == (1, 24)
    with pytest.raises(InputError, match=r"size = 64: map 'relu1' has 12 values on this data"):
        Recorded(record(graph, x[:1])).windows(4, 64)


def test_few_samples_give_fewer_operands() -> None:
    source = recorded(count=1)
    assert source.products(4, 4, True)["x"].shape == (17, 36)
    assert source.pairs(4)["x"].shape == (8, 30)
    assert source.windows(4, 4)["x"].shape == (64, 4)
    short = Recorded(source.recording, sequences=2, length=1000)
    assert short.pairs(4)["x"].shape == (1, 256)
    assert short.sums(4, 2.0, 16)["a"].shape == (1, 384)


@pytest.mark.parametrize(
    "call",
    [
        lambda source: source.products(4, 5, True),
        lambda source: source.addends(9, False),
        lambda source: source.weighted(4, 2.0),
    ],
)
def test_equal_seeds_repeat(call: Callable[[Recorded], dict[str, np.ndarray]], seed: int) -> None:
    source = recorded(seed)
    first, again, other = call(source), call(recorded(seed)), call(recorded(seed + 1))
    for name, words in first.items():
        np.testing.assert_array_equal(call(source)[name], words)
        np.testing.assert_array_equal(again[name], words)
        assert (other[name] != words).any()


def test_bad_parameters() -> None:
    source = recorded()
    with pytest.raises(ValueError, match=r"x_bits = 9: must be 2\.\.8"):
        source.products(9, 4, True)
    with pytest.raises(ValueError, match="additions = 0: must be above 0 and at most 128"):
        source.weighted(4, 0)
    with pytest.raises(ValueError, match=r"additions = 0\.01: all weights round to 0"):
        source.sums(4, 0.01, 16)
    with pytest.raises(ValueError, match=r"width = 4: sums of 8-bit activations at R = 2 reach"):
        source.sums(8, 2.0, 4)


def test_the_digits_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "EPOCHS", 2)
    source = create_source("recorded", 4)
    assert isinstance(source, Recorded)
    assert (source.name, source.seed) == ("recorded", 4)
    layer = source.recording.layer
    assert layer.weight.shape == (8, 8, 3, 3)
    assert source.recording.pooled.values.shape == (128, 8, 8, 8)
    assert source.products(4, 4, True)["x"].shape == (456, 72)
    assert source.sums(8, 2.0, 16)["a"].shape == (512, 64)
    assert (source.products(8, 8, False)["x"] == 0).mean() > 0.3


def test_what_another_process_gets_is_the_same(seed: int) -> None:
    source = recorded(seed)
    expected = source.products(4, 4, True)
    # What processes send each other: torch moves the memory of tensors as it is written.
    copy = pickle.loads(bytes(ForkingPickler.dumps(source)))
    for each in (source, copy):
        for name, words in each.products(4, 4, True).items():
            np.testing.assert_array_equal(words, expected[name])
