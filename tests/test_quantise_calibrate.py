"""Statistics cover all images; the chosen grid is the best of those tried."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.quantise.calibrate import CLIPS, Range, Statistics, calibrate, choose_range
from tests.quantise_graphs import Draft, images


def statistics(values: np.ndarray) -> Statistics:
    return Statistics(float(values.min()), float(values.max()), values)


def error(values: np.ndarray, grid: Range, bits: int) -> float:
    """Mean squared error value by value."""
    total = 0.0
    for value in values.tolist():
        q = min(max(round(value / grid.step) + grid.zero_point, 0), 2**bits - 1)
        total += ((q - grid.zero_point) * grid.step - value) ** 2
    return total / len(values)


def test_minimum_and_maximum_are_over_all_batches() -> None:
    draft = Draft()
    graph = draft.graph(draft.relu(draft.convolution("x", 4)))
    x = images(150)
    x[149, 0, 0, 0], x[10, 1, 2, 2] = 40.0, -50.0
    found = calibrate(graph, x)
    values = graph.values(torch.from_numpy(x))
    assert set(found) == set(values)
    for name, value in values.items():
        assert found[name].minimum == pytest.approx(float(value.min()), rel=1e-5)
        assert found[name].maximum == pytest.approx(float(value.max()), rel=1e-5)
        assert np.isin(found[name].sample.astype(np.float32), value.numpy()).mean() > 0.99
    again = calibrate(graph, x)
    assert all(np.array_equal(again[name].sample, found[name].sample) for name in found)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("signed", [False, True])
def test_clip_beats_the_whole_range(bits: int, signed: bool) -> None:
    values = np.random.default_rng(bits).laplace(size=3000)
    values = values if signed else np.abs(values)
    chosen = choose_range(statistics(values), bits)
    whole = choose_range(statistics(values), bits, clip=False)
    assert (chosen.zero_point > 0) == signed
    assert error(values, chosen, bits) <= error(values, whole, bits) * 1.001
    if bits <= 4:
        assert chosen.step < whole.step
        assert error(values, chosen, bits) < error(values, whole, bits) * 0.9


def test_even_values_are_not_clipped() -> None:
    grid = choose_range(statistics(np.linspace(0, 3, 4001)), 4)
    assert grid.step * 15 == pytest.approx(3, rel=0.05)
    assert grid.zero_point == 0


def test_zero_is_exact_and_whole_range_fits() -> None:
    grid = choose_range(statistics(np.array([-1.0, 0.0, 3.0])), 8, clip=False)
    assert grid.zero_point == 64
    assert (255 - grid.zero_point) * grid.step == pytest.approx(3, abs=grid.step)
    assert choose_range(statistics(np.array([-3.0, -1.0])), 4).zero_point == 15


def test_maximum_limits_the_clip() -> None:
    values = np.linspace(0, 20, 1001)
    assert choose_range(statistics(values), 4, maximum=6.0).step * 15 <= 6.0


def test_nothing_but_zeros() -> None:
    assert choose_range(statistics(np.zeros(5)), 4) == Range(1.0, 0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (images(2)[:, :2], "shape"),
        (images(0), "no samples"),
        (np.full_like(images(1), np.nan), "NaN"),
        (images(1).astype(str), "real numbers"),
    ],
)
def test_bad_data(x: np.ndarray, message: str) -> None:
    draft = Draft()
    with pytest.raises(InputError, match=f"calibration data.*{message}"):
        calibrate(draft.graph(draft.convolution("x", 4)), x)


def test_clips() -> None:
    values = np.concatenate([np.linspace(0, 1, 9999), [50.0]])
    steps = {
        clip: choose_range(Statistics(0.0, 50.0, values, clip), 4).step for clip in CLIPS
    }  # fmt: skip
    assert steps["none"] == pytest.approx(50 / 15)
    assert steps["percentile"] == pytest.approx(1 / 15, rel=0.01)
    assert steps["mse"] < 50 / 15
    assert choose_range(Statistics(0.0, 50.0, values, "percentile"), 4, clip=False).step == (
        pytest.approx(50 / 15)
    )


def test_percentile_of_values_that_are_nearly_all_0() -> None:
    values = np.zeros(10000)
    assert choose_range(Statistics(0.0, 3.0, values, "percentile"), 4).step > 0
