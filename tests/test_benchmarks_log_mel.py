"""Drawn log-mel frames: their statistics as promised, and what the real network says of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.datasets import DATA, missing
from benchmarks.log_mel import BINS, FRAMES, draw
from benchmarks.networks import NETWORKS
from pann_hw.quantise.quality import float_outputs


def frames(count: int, seed: int) -> np.ndarray:
    return draw(count, seed).reshape(count, FRAMES, BINS).astype(float)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_fewer_are_the_first_of_more_and_seeds_differ() -> None:
    x = draw(20, 3)
    assert x.shape == (20, 640) and x.dtype == np.float32
    assert np.array_equal(draw(5, 3), x[:5])
    assert abs(correlation(draw(500, 4) - draw(500, 4).mean(0), draw(500, 5))) < 0.1


def test_levels_are_realistic(seed: int) -> None:
    x = frames(2000, seed)
    mean = x.mean((0, 1))
    # Halfway between quiet and loud: -11.5 to -55, but for the lowest bins.
    assert np.allclose(mean[16:], np.linspace(-11.5, -55, BINS)[16:], atol=1.5)
    assert mean[0] < -35
    low, high = np.percentile(x, (0.1, 99.9))
    assert -90 < low < -70 and -5 < high < 15


def test_level_and_slope_vary_from_sample_to_sample(seed: int) -> None:
    x = frames(2000, seed)
    top = x[:, :, -8:].mean((1, 2))
    # Uniform between -80 and -30, the last bins a little less, apart from the resonances.
    assert abs(top.mean() + 54) < 2
    assert abs(top.std() - (50 / 12**0.5)) < 2.5


def test_smooth_along_bins_and_across_frames(seed: int) -> None:
    x = frames(3000, seed)
    steps = x - x.mean(1, keepdims=True)
    # What changes within a sample: 2.5 dB, less the mean over the frames.
    covariance = 0.5 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    left = 2.5**2 * (1 - covariance.mean())
    assert abs(steps.var() - left) < 0.1
    noise = x[:, 1:] - x[:, :-1]
    for lag in (1, 2, 4):
        wanted = np.exp(-0.5 * (lag / 1.5) ** 2)
        assert abs(correlation(noise[..., lag:], noise[..., :-lag]) - wanted) < 0.02
    # Across frames: all but the fluctuation stays.
    between = x - x.mean(0)
    assert correlation(between[:, 0], between[:, 4]) > 0.93
    assert correlation(between[:, 0], between[:, 1]) > correlation(between[:, 0], between[:, 4])


def test_resonances_stay_for_all_frames(seed: int) -> None:
    x = frames(3000, seed).mean(1)
    bends = x[:, 4:] - 2 * x[:, 2:-2] + x[:, :-4]  # straight lines over the bins gone
    bends = bends[:, 16:]
    kernel = np.exp(-0.5 * (np.arange(5) / 4) ** 2)
    fast = np.exp(-0.5 * (np.arange(5) / 1.5) ** 2)
    covariance = 0.5 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    part = 16 * kernel + 2.5**2 * covariance.mean() * fast
    wanted = 6 * part[0] - 8 * part[2] + 2 * part[4]
    assert abs(bends.var() / wanted - 1) < 0.05


def test_count_is_checked() -> None:
    with pytest.raises(ValueError, match="count 0: must be at least 1"):
        draw(0, 1)


def test_the_network_restores_them_and_does_not_restore_noise(rng: np.random.Generator) -> None:
    network = NETWORKS["autoencoder"]
    lacking = missing(DATA, network.files)
    if lacking:
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    graph = network.graph(DATA)
    x = draw(500, 1)
    white = rng.normal(x.mean(), x.std(), x.shape).astype(np.float32)
    for inputs, low, high in ((x, 0.05, 0.15), (white, 0.9, 5.0)):
        restored = float_outputs(graph, inputs[:, :, None, None])
        assert low < ((restored - inputs) ** 2).mean() / inputs.var() < high
