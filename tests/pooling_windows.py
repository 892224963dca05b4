"""Windows of activations for tests of pooling, and windows that come in every order."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.datasets import load_digits

from pann_hw.power.unit import Flips, Unit
from tests.unit_operands import DATA, words_of

__all__ = ["SOURCES", "all_triples", "flips_of_second_windows", "relative_error", "windows_of"]

SOURCES = (*DATA, "walk", "images")


def windows_of(source: str, bits: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """About 16,000 activations in windows, int64 (windows, size); size a square for images.

    Parameters
    ----------
    source : one of DATA, independent; "walk", from a window's own mean in random steps, half of
        the means below 0; "images", digits, windows beside each other
    """
    most = 2**bits - 1
    shape = (16384 // size, size)
    if source == "images":
        side = int(size**0.5)
        images = np.floor(load_digits().images[:512] / 16 * most + 0.5).astype(np.int64)
        tiles = images.reshape(-1, 8 // side, side, 8 // side, side).swapaxes(2, 3)
        return tiles.reshape(-1, size)
    if source == "walk":
        real = rng.standard_normal((shape[0], 1)) * 3 + np.cumsum(rng.standard_normal(shape), 1)
        return np.floor(real / 6 * most).clip(0, most).astype(np.int64)
    return words_of(source, bits, signed=False, shape=shape, rng=rng)


def all_triples(bits: int, size: int) -> np.ndarray:
    """Every window after and before every window, int64 (triples, 3, size)."""
    windows = np.array(list(itertools.product(range(2**bits), repeat=size)))
    index = np.array(list(itertools.product(range(len(windows)), repeat=3)))
    triples: np.ndarray = windows[index]
    return triples


def flips_of_second_windows(unit: Unit, triples: np.ndarray) -> dict[str, float]:
    """Flips of each class per activation, from the second window's first cycle of each triple to
    the third's."""
    count, _, size = triples.shape
    trace = unit.trace(unit.stimulus({"x": triples.reshape(-1, size)}))
    flips: dict[str, float] = {}
    for net_class, _, values in trace.values():
        words = values.astype(np.int64)
        changed = np.bitwise_count(words[1:] ^ words[:-1]).reshape(count, 3, -1)
        flips[net_class] = flips.get(net_class, 0) + float(changed[:, 1].sum()) / (count * size)
    return flips


def relative_error(predicted: Flips, counted: Flips) -> float:
    """Error of the total."""
    assert predicted.keys() == counted.keys()
    return sum(predicted.values()) / sum(counted.values()) - 1
