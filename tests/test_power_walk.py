"""Walks of an accumulator: against the distribution of every sum, and against sampled sums."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power import walk as walk_module
from pann_hw.power.walk import Walk, coarse_steps, moving, walk

ADDENDS = {
    "unsigned": {0: 0.2, 1: 0.3, 2: 0.1, 3: 0.4},
    "signed": {-4: 0.1, -3: 0.1, -1: 0.2, 0: 0.2, 1: 0.1, 2: 0.2, 3: 0.1},
    "downwards": {-5: 0.3, -2: 0.5, 1: 0.2},
    "upwards from negative": {-1: 0.1, 6: 0.9},
    "mostly nothing": {-3: 0.05, 0: 0.9, 3: 0.05},
    "multiples of 4": {-8: 0.3, -4: 0.2, 4: 0.4, 12: 0.1},
    "far apart": {-60: 0.3, 1: 0.4, 63: 0.3},
}


def slow(addends: dict[int, float], length: int, width: int, split: int = 0) -> Walk:
    """Every sum's probability, one step after another."""
    moved = 0.0
    mask = (1 << width) - 1

    def flips(before: int, after: int) -> int:
        return ((before ^ after) & mask).bit_count()

    state = {0: 1.0}
    steps = []
    for _ in range(length):
        expected = 0.0
        following: dict[int, float] = {}
        for place, probability in state.items():
            for addend, chance in addends.items():
                expected += probability * chance * flips(place, place + addend)
                arrived = place + addend
                moved += probability * chance * (place >> split != arrived >> split)
                following[arrived] = following.get(arrived, 0) + probability * chance
        steps.append(expected)
        state = following
    # The sum goes from the last of a sequence to the first of the next, the register to 0.
    across = sum(
        probability * chance * flips(place, addend)
        for place, probability in state.items()
        for addend, chance in addends.items()
    )
    cleared = sum(probability * flips(place, 0) for place, probability in state.items())
    return Walk((sum(steps[1:]) + across) / length, (sum(steps) + cleared) / length, moved / length)


def words(addends: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(list(addends)), np.array(list(addends.values()))


@pytest.mark.parametrize("length", [1, 2, 9, 25])
@pytest.mark.parametrize("width", [8, 20, 63])
@pytest.mark.parametrize("addends", ADDENDS.values(), ids=ADDENDS.keys())
def test_small_walks_are_exact(addends: dict[int, float], width: int, length: int) -> None:
    split = min(width - 1, 4)
    expected = slow(addends, length, width, split)
    found = walk(*words(addends), length, width, split=split)
    assert found.moved == pytest.approx(expected.moved, rel=1e-6)
    assert found.sum == pytest.approx(expected.sum, rel=1e-6)
    assert found.register == pytest.approx(expected.register, rel=1e-6)


@pytest.mark.parametrize("addends", ["unsigned", "downwards", "signed"])
def test_sums_wrap(addends: str) -> None:
    """Of 4 bits: the same sums, but that the upper bits are not there to flip."""
    expected = slow(ADDENDS[addends], 20, 4)
    found = walk(*words(ADDENDS[addends]), 20, 4)
    assert found.sum == pytest.approx(expected.sum, rel=1e-6)
    assert found.register == pytest.approx(expected.register, rel=1e-6)
    wide = walk(*words(ADDENDS[addends]), 20, 10)
    assert wide.register > found.register + 0.1


@pytest.mark.parametrize("length", [1, 9, 60])
@pytest.mark.parametrize("signed", [False, True])
def test_low_bits_taken_as_uniform(
    signed: bool, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Products of 4-bit words, on which the walk may spend a fraction of the work."""
    side = np.arange(-8, 8) if signed else np.arange(16)
    values, index = np.unique(np.outer(side, side), return_inverse=True)
    shares = np.exp(-((side / 4) ** 2))
    weights = np.outer(shares, shares).ravel() / shares.sum() ** 2
    probabilities = np.bincount(index.ravel(), weights)
    exact, exact_above = (walk(values, probabilities, length, 16, split=at) for at in (1, 6))
    monkeypatch.setattr(walk_module, "_MOST_WORK", 20_000 * length)
    coarse, above = (walk(values, probabilities, length, 16, split=at) for at in (1, 6))
    if length > 1:
        assert coarse != exact
    assert coarse.sum == pytest.approx(exact.sum, rel=0.02)
    assert coarse.register == pytest.approx(exact.register, rel=0.02)
    assert coarse.moved == pytest.approx(exact.moved, rel=0.02)
    assert above.moved == pytest.approx(exact_above.moved, rel=0.02, abs=1e-3)


def sampled(addends: np.ndarray, width: int) -> tuple[float, float]:
    """Flips of sum and register an addition, of sequences, one a row."""
    sums = addends.cumsum(1)
    register = np.pad(sums, ((0, 0), (1, 1)))
    register[:, -1] = 0
    mask = (1 << width) - 1

    def flips(states: np.ndarray) -> float:
        return float(np.bitwise_count((states[1:] ^ states[:-1]) & mask).sum()) / addends.size

    return flips(sums.ravel()), flips(register.ravel())


@pytest.mark.parametrize("width", [17, 32])
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (0, 255), (-128, 40), (-100, 127)])
@pytest.mark.parametrize("length", [2, 9, 144])
def test_wide_products(
    low: int, high: int, width: int, length: int, rng: np.random.Generator
) -> None:
    x, w = rng.integers(low, high + 1, (2, 45_000 // length, length))
    values, counts = np.unique(x * w, return_counts=True)
    found = walk(values, counts / counts.sum(), length, width)
    assert (found.sum, found.register) == pytest.approx(sampled(x * w, width), rel=0.025)


def test_very_long_walk_takes_little_work(rng: np.random.Generator) -> None:
    values = np.unique(np.outer(np.arange(256), np.arange(-128, 128)))
    found = walk(values, np.full(len(values), 1 / len(values)), 4608, 32)
    addends = rng.choice(values, (20, 4608))
    assert (found.sum, found.register) == pytest.approx(sampled(addends, 32), rel=0.03)


@pytest.mark.parametrize("persistence", [1.5, 3.0])
def test_addends_that_resemble_each_other(persistence: float, rng: np.random.Generator) -> None:
    """Signs that stay with probability p: ``(1 + r) / (1 - r)`` times the variance, r = 2 p - 1."""
    alike = (persistence - 1) / (persistence + 1)
    shape = (3000, 64)
    turns = np.where(rng.random(shape) < (1 + alike) / 2, 1, -1)
    addends = turns.cumprod(1) * rng.integers(1, 8, shape)
    _, expected = sampled(addends, 20)
    values, counts = np.unique(addends, return_counts=True)
    share = counts / counts.sum()
    # The magnitudes are independent, so that all of the addends' variance does not persist.
    mean_square, square_mean = float((values**2) @ share), float(np.abs(values) @ share) ** 2
    ratio = 1 + (persistence - 1) * square_mean / mean_square
    found = walk(values, share, 64, 20, ratio)
    independent = walk(values, share, 64, 20)
    assert found.register < independent.register
    # Signs that stay also change how often a sum crosses 0 once it is there, which is left out.
    assert abs(found.register - expected) < abs(independent.register - expected)


@pytest.mark.parametrize("low_bits", [0, 1, 3])
def test_coarse_steps_over_all_low_bits(low_bits: int, rng: np.random.Generator) -> None:
    values = np.array([-13, -8, -1, 0, 3, 11])
    probabilities = rng.dirichlet(np.ones(len(values)))
    expected: dict[int, float] = {}
    for value, probability in zip(values.tolist(), probabilities, strict=True):
        for place in range(2**low_bits):
            step = (place + value) // 2**low_bits - place // 2**low_bits
            expected[step] = expected.get(step, 0) + probability / 2**low_bits
    lowest, steps = coarse_steps(values, probabilities, low_bits)
    for step in range(lowest - 1, lowest + len(steps) + 1):
        found = steps[step - lowest] if 0 <= step - lowest < len(steps) else 0.0
        assert found == pytest.approx(expected.get(step, 0.0)), f"step {step}"
    still = expected.get(0, 0.0)
    assert moving(values, probabilities, low_bits) == pytest.approx(1 - still)
