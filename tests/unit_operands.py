"""Operands of arithmetic units for tests, and their flips counted the obvious way."""

from __future__ import annotations

import numpy as np

from pann_hw.power.unit import Flips, Operands, Trace, Unit

__all__ = ["DATA", "assert_close", "count_slowly", "operands_of", "words_of"]

DATA = ("uniform", "gaussian", "sparse")


def words_of(
    data: str, bits: int, *, signed: bool, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Independent words: over the whole range, around 0, or that with half of them 0."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if data == "uniform":
        return rng.integers(low, high + 1, shape)
    real = rng.standard_normal(shape) * max(high, -low) / 2.5
    words = np.rint(real if signed else np.abs(real)).clip(low, high).astype(np.int64)
    if data == "sparse":
        words *= rng.random(shape) < 0.5
    return words


def operands_of(
    unit: Unit, data: str, rng: np.random.Generator, *, shape: tuple[int, int] = (600, 40)
) -> Operands:
    """Independent operands of one kind for each port."""
    return {
        name: words_of(data, bits, signed=signed, shape=shape, rng=rng)
        for name, (bits, signed) in unit.operands.items()
    }


def count_slowly(trace: Trace) -> dict[str, int]:
    """Flips of each class, one cycle, one net, one bit after another."""
    totals: dict[str, int] = {}
    for net_class, width, values in trace.values():
        totals.setdefault(net_class, 0)
        for before, after in zip(values[:-1].tolist(), values[1:].tolist(), strict=True):
            for bit in range(width):
                totals[net_class] += (int(before) >> bit & 1) != (int(after) >> bit & 1)
    return totals


def assert_close(predicted: Flips, counted: Flips, share: float = 0.025) -> None:
    """The total and each class are right but for a share of the total."""
    assert predicted.keys() == counted.keys()
    total = sum(counted.values())
    assert abs(sum(predicted.values()) - total) < share * total, "all classes together"
    for name, flips in counted.items():
        assert abs(predicted[name] - flips) < share * total, name
