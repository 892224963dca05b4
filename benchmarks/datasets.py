"""Data of a data folder, as the networks take them.

Each loader is called with the folder, a part and a count, and gives the first ``count`` samples of
that part, None: all. Calibration and training see part "train" alone, accuracy is over part "test".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.log_mel import draw
from pann_hw.network.data import Data

__all__ = [
    "CIFAR10",
    "DATA",
    "KEYWORDS",
    "MNIST",
    "PARTS",
    "Loader",
    "cifar10",
    "cifar10_normalised",
    "keywords",
    "machine_sounds",
    "missing",
    "mnist",
]

Loader = Callable[[Path, str, int | None], Data]

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
"""Where the data folder is looked for: beside the checkout."""

PARTS = ("train", "test")

CIFAR10 = "cifar10_lossless.npz"
"""uint8 ``train_x``, ``test_x`` (n, 32, 32, 3) and their classes ``train_y``, ``test_y``."""

MNIST = "mnist.npz"
"""uint8 ``train_x``, ``test_x`` (n, 28, 28) and their classes ``train_y``, ``test_y``."""

KEYWORDS = "kws_mfcc_int8.npz"
"""int8 ``x`` (n, 49, 10), 10 mel cepstral coefficients of 49 frames, and classes ``y``."""

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

_MFCC_STEP, _MFCC_ZERO = 0.5847029, 83
_CALIBRATE_EACH = 5

_SOUNDS = {"train": (20, 8192), "test": (21, 1024)}
"""Seed, and how many there are."""


def cifar10(folder: Path, part: str, count: int | None = None) -> Data:
    """Photographs of ten kinds of things, (n, 3, 32, 32), red, green and blue in 0..255."""
    pixels, classes = _images(folder / CIFAR10, part, count)
    return Data(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32), classes)


def cifar10_normalised(folder: Path, part: str, count: int | None = None) -> Data:
    """:func:`cifar10` in 0..1, less each colour's mean, over its deviation (those of ImageNet)."""
    pixels, classes = _images(folder / CIFAR10, part, count)
    x = (pixels.astype(np.float32) / 255 - _MEAN) / _DEVIATION
    return Data(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), classes)


def mnist(folder: Path, part: str, count: int | None = None) -> Data:
    """Handwritten digits, (n, 1, 28, 28) in 0..255."""
    pixels, classes = _images(folder / MNIST, part, count)
    return Data(pixels[:, None].astype(np.float32), classes)


def keywords(folder: Path, part: str, count: int | None = None) -> Data:
    """Spoken words, ``(x - 83) * 0.5847029`` of shape (n, 1, 49, 10).

    The file has no parts of its own: sorted by class, every fifth sample from the first on is for
    calibration, so that of 500 samples 100 are, each class in proportion. Both parts keep the
    file's order. The file has one sample twice; so both are in the test.
    """
    _check(part)
    with np.load(folder / KEYWORDS) as archive:
        x, y = archive["x"], archive["y"].astype(np.int64)
    chosen = np.zeros(len(y), bool)
    chosen[np.argsort(y, kind="stable")[::_CALIBRATE_EACH]] = True
    taken = np.flatnonzero(chosen == (part == "train"))[:count]
    x = (x[taken].astype(np.float32) - _MFCC_ZERO) * np.float32(_MFCC_STEP)
    return Data(x[:, None], y[taken])


def machine_sounds(_folder: Path, part: str, count: int | None = None) -> Data:
    """Log-mel frames as :mod:`benchmarks.log_mel` draws them, (n, 640, 1, 1), without classes.

    No file is read. The parts have seeds of their own; there are 8192 and 1024.
    """
    _check(part)
    seed, available = _SOUNDS[part]
    number = available if count is None else min(count, available)
    return Data(draw(number, seed)[:, :, None, None])


def missing(folder: Path, files: Iterable[str]) -> list[str]:
    """Those of the files that the folder lacks."""
    return [name for name in files if not (folder / name).is_file()]


def _images(path: Path, part: str, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    _check(part)
    with np.load(path) as archive:
        return archive[f"{part}_x"][:count], archive[f"{part}_y"][:count].astype(np.int64)


def _check(part: str) -> None:
    if part not in PARTS:
        raise ValueError(f"part {part!r}: must be {' or '.join(PARTS)}")
