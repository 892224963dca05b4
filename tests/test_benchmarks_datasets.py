"""Loaders on made-up files in the data's format: preprocessing, parts, what is left for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import (
    CIFAR10,
    DATA,
    KEYWORDS,
    MNIST,
    Loader,
    cifar10,
    cifar10_normalised,
    keywords,
    machine_sounds,
    missing,
    mnist,
)
from benchmarks.log_mel import draw
from tests.benchmark_data import made_up_folder

LOADERS: dict[Loader, tuple[str | None, tuple[int, int, int]]] = {
    cifar10: (CIFAR10, (3, 32, 32)),
    cifar10_normalised: (CIFAR10, (3, 32, 32)),
    mnist: (MNIST, (1, 28, 28)),
    keywords: (KEYWORDS, (1, 49, 10)),
    machine_sounds: (None, (640, 1, 1)),
}


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return made_up_folder(tmp_path, rng)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("part", ["train", "test"])
def test_shapes_types_and_counts(load: Loader, part: str, folder: Path) -> None:
    data = load(folder, part, None)
    assert data.sample_shape == LOADERS[load][1]
    assert data.x.dtype == np.float32 and data.x.flags.c_contiguous
    if load is not machine_sounds:
        assert data.y is not None and data.y.dtype == np.int64 and data.y.shape == (len(data),)
    first = load(folder, part, 7)
    assert len(first) == 7 and np.array_equal(first.x, data.x[:7])
    assert len(load(folder, part, 10**6)) == len(data)


@pytest.mark.parametrize("load", LOADERS)
def test_other_parts_are_refused(load: Loader, folder: Path) -> None:
    with pytest.raises(ValueError, match="part 'all': must be train or test"):
        load(folder, "all", None)


def test_pixels_of_photographs(folder: Path) -> None:
    with np.load(folder / CIFAR10) as archive:
        pixels, classes = archive["test_x"], archive["test_y"]
    plain, normalised = cifar10(folder, "test"), cifar10_normalised(folder, "test")
    for channel, mean, deviation in ((0, 0.485, 0.229), (1, 0.456, 0.224), (2, 0.406, 0.225)):
        wanted = pixels[..., channel].astype(float)
        assert np.array_equal(plain.x[:, channel], wanted)
        wanted = (wanted / 255 - mean) / deviation
        np.testing.assert_allclose(normalised.x[:, channel], wanted, rtol=1e-5, atol=1e-6)
    for data in (plain, normalised):
        assert data.y is not None and np.array_equal(data.y, classes)


def test_pixels_of_digits(folder: Path) -> None:
    with np.load(folder / MNIST) as archive:
        pixels = archive["train_x"]
    assert np.array_equal(mnist(folder, "train").x[:, 0], pixels)


def test_a_fifth_of_the_keywords_calibrates_each_class_in_proportion(folder: Path) -> None:
    with np.load(folder / KEYWORDS) as archive:
        x, y = archive["x"], archive["y"]
    train, test = keywords(folder, "train"), keywords(folder, "test")
    assert (len(train), len(test)) == (12, 48)
    assert train.y is not None and test.y is not None
    assert np.array_equal(np.bincount(train.y), np.ones(12))
    real = np.round(np.concatenate([train.x, test.x])[:, 0] / 0.5847029 + 83)
    order = np.lexsort(x.reshape(60, -1).T)
    again = np.lexsort(real.reshape(60, -1).T)
    assert np.array_equal(real[again], x[order])
    assert np.array_equal(np.concatenate([train.y, test.y])[again], y[order])


def test_real_keywords_are_split_as_promised() -> None:
    if missing(DATA, [KEYWORDS]):
        pytest.skip(f"{DATA} lacks {KEYWORDS}")
    train, test = keywords(DATA, "train"), keywords(DATA, "test")
    assert (len(train), len(test)) == (100, 400)
    assert train.y is not None and test.y is not None
    shares = np.bincount(train.y) / (np.bincount(train.y) + np.bincount(test.y))
    assert np.abs(shares - 0.2).max() < 0.02


def test_sounds_are_drawn_with_other_seeds_for_each_part(tmp_path: Path) -> None:
    train, test = (machine_sounds(tmp_path, part, None) for part in ("train", "test"))
    assert (len(train), len(test)) == (8192, 1024)
    assert train.y is None and test.y is None
    assert np.array_equal(train.x[:5, :, 0, 0], draw(5, 20))
    assert np.array_equal(test.x[:5, :, 0, 0], draw(5, 21))


def test_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / MNIST).touch()
    (tmp_path / CIFAR10).mkdir()
    assert missing(tmp_path, [MNIST, CIFAR10, KEYWORDS]) == [CIFAR10, KEYWORDS]
