"""Synthetic operands: their ranges and distributions, sums that are dot products, errors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from pann_hw.power.source import Source, integer_weights
from pann_hw.power.sources import Gaussian, Sparse, Synthetic, Uniform, create_source

KINDS: list[type[Synthetic]] = [Uniform, Gaussian, Sparse]
Call = Callable[[Source], dict[str, np.ndarray]]
CALLS: dict[str, Call] = {
    "products": lambda source: source.products(4, 5, True),
    "addends": lambda source: source.addends(9, False),
    "weighted": lambda source: source.weighted(4, 2.0),
    "sums": lambda source: source.sums(4, 2.0, 24),
    "windows": lambda source: source.windows(4, 9),
    "pairs": lambda source: source.pairs(4),
}


def within(words: np.ndarray, bits: int, signed: bool) -> bool:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return words.dtype == np.int64 and low <= words.min() and words.max() <= high


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signed", [False, True])
def test_ranges_and_shapes(kind: type[Synthetic], signed: bool, seed: int) -> None:
    source = kind(seed)
    for bits in range(2, 9):
        operands = source.products(bits, 10 - bits, signed)
        assert within(operands["x"], bits, signed)
        assert within(operands["w"], 10 - bits, signed)
        assert operands["x"].shape == operands["w"].shape == (512, 64)
        assert within(source.windows(bits, 4)["x"], bits, False)
        for words in source.pairs(bits).values():
            assert within(words, bits, False)
    for bits in range(4, 17):
        assert within(source.addends(bits, signed)["d"], bits, signed)
    assert source.windows(3, 16)["x"].shape == (2048, 16)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", CALLS)
def test_equal_seeds_repeat(kind: type[Synthetic], method: str, seed: int) -> None:
    source = kind(seed)
    first = CALLS[method](source)
    for call in CALLS.values():
        call(source)
    again, other = CALLS[method](kind(seed)), CALLS[method](kind(seed + 1))
    for name, words in first.items():
        np.testing.assert_array_equal(CALLS[method](source)[name], words)
        np.testing.assert_array_equal(again[name], words)
        assert (other[name] != words).any()


@pytest.mark.parametrize("signed", [False, True])
def test_uniform_takes_every_value_as_often(signed: bool, seed: int) -> None:
    for words in Uniform(seed).products(4, 4, signed).values():
        values, counts = np.unique(words, return_counts=True)
        assert len(values) == 16
        assert np.abs(counts - 2048).max() < 6 * 2048**0.5


@pytest.mark.parametrize("bits", [5, 8])
def test_gaussian_has_a_third_of_the_largest_magnitude(bits: int, seed: int) -> None:
    x = Gaussian(seed).products(bits, bits, True)["x"]
    assert x.std() == pytest.approx(2 ** (bits - 1) / 3, rel=0.03)
    assert abs(x.mean()) < 0.1 * x.std()
    magnitudes = Gaussian(seed).products(bits, bits, False)["x"]
    assert (magnitudes.astype(float) ** 2).mean() ** 0.5 == pytest.approx(
        (2**bits - 1) / 3, rel=0.03
    )


@pytest.mark.parametrize("bits", range(2, 9))
def test_half_of_the_sparse_activations_are_zero(bits: int, seed: int) -> None:
    for signed in (False, True):
        operands = Sparse(seed).products(bits, bits, signed)
        assert (operands["x"] == 0).mean() == pytest.approx(0.5, abs=0.03)
        assert operands["x"].min() == 0
        np.testing.assert_array_equal(
            operands["w"], Gaussian(seed).products(bits, bits, signed)["w"]
        )
    for words in (*Sparse(seed).pairs(bits).values(), Sparse(seed).windows(bits, 4)["x"]):
        assert (words == 0).mean() == pytest.approx(0.5, abs=0.03)


def test_sparse_magnitudes_are_those_of_normal_words(seed: int) -> None:
    x = Sparse(seed).products(8, 8, False)["x"]
    positive = x[x > 0].astype(float)
    assert (positive**2).mean() ** 0.5 == pytest.approx(255 / 3, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_both_operands_are_independent(kind: type[Synthetic], seed: int) -> None:
    source = kind(seed)
    for operands in (source.products(6, 6, True), source.weighted(6, 2.0), source.pairs(6)):
        a, b = operands.values()
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.05
        assert abs(np.corrcoef(a[:, 1:].ravel(), a[:, :-1].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [4, 7, 16])
def test_addends_are_products(kind: type[Synthetic], bits: int, seed: int) -> None:
    source = kind(seed)
    if bits == 4:
        operands = source.products(2, 2, True)
    elif bits == 7:
        operands = source.products(4, 3, True)
    else:
        operands = source.products(8, 8, True)
    np.testing.assert_array_equal(source.addends(bits, True)["d"], operands["x"] * operands["w"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("additions", [1.0, 2.0, 7.5])
def test_weights_take_the_additions_asked_for(
    kind: type[Synthetic], additions: float, seed: int
) -> None:
    operands = kind(seed).weighted(3, additions)
    assert np.abs(operands["w"]).mean() == pytest.approx(additions, rel=0.1)
    assert operands["w"].min() < 0 < operands["w"].max()
    assert within(operands["x"], 3, False)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_are_dot_products(kind: type[Synthetic], seed: int) -> None:
    source = kind(seed, sequences=5, length=7)
    rng = np.random.default_rng(seed)
    weights = integer_weights(source._real_weights(rng, (5, 7)), 3.0)
    expected = np.zeros((5, 7), np.int64)
    for channel in range(5):
        x = source._activations(rng, (7, 7), 4, signed=False)
        for pixel in range(7):
            for k in range(7):
                expected[channel, pixel] += weights[channel, k] * x[pixel, k]
    np.testing.assert_array_equal(source.sums(4, 3.0, 16)["a"], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_the_widest_activations_fit_16_bits_at_2_additions(
    kind: type[Synthetic], seed: int
) -> None:
    assert within(kind(seed).sums(8, 2.0, 16)["a"], 16, True)


def test_sums_name_the_width_that_they_need(seed: int) -> None:
    a = Uniform(seed).sums(8, 7.5, 32)["a"]
    needed = next(bits for bits in range(2, 64) if within(a, bits, True))
    with pytest.raises(ValueError, match=rf"width = {needed - 1}: .*must be {needed}\.\.64"):
        Uniform(seed).sums(8, 7.5, needed - 1)
    np.testing.assert_array_equal(Uniform(seed).sums(8, 7.5, needed)["a"], a)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.products(1, 4, True), r"x_bits = 1: must be 2\.\.8"),
        (lambda s: s.products(4, 9, False), r"w_bits = 9: must be 2\.\.8"),
        (lambda s: s.products(4.0, 4, False), r"x_bits = 4.0: must be a whole number, 2\.\.8"),
        (lambda s: s.addends(3, True), r"bits = 3: must be 4\.\.16"),
        (lambda s: s.weighted(9, 2.0), r"x_bits = 9: must be 2\.\.8"),
        (lambda s: s.weighted(4, 0), "additions = 0: must be above 0 and at most 128"),
        (lambda s: s.weighted(4, float("nan")), "additions = nan: must be above 0"),
        (lambda s: s.weighted(4, 0.01), "additions = 0.01: all weights round to 0, must be more"),
        (lambda s: s.sums(4, -1.0, 16), "additions = -1.0: must be above 0"),
        (lambda s: s.sums(4, 2.0, 65), r"width = 65: must be 2\.\.64"),
        (lambda s: s.windows(4, 1), r"size = 1: must be 2\.\.64"),
        (lambda s: s.pairs(0), r"x_bits = 0: must be 2\.\.8"),
    ],
)
def test_bad_parameters(call: Call, message: str) -> None:
    for kind in KINDS:
        with pytest.raises(ValueError, match=message):
            call(kind())


def test_bad_sources() -> None:
    with pytest.raises(ValueError, match="'laplace': must be one of uniform, gaussian, sparse"):
        create_source("laplace")
    with pytest.raises(ValueError, match=r"seed = -1: must be 0\.\.4294967295"):
        create_source("sparse", -1)
    with pytest.raises(ValueError, match=r"sequences = 0: must be 1\.\."):
        Uniform(sequences=0)
    with pytest.raises(ValueError, match=r"length = 1: must be 2\.\."):
        Uniform(length=1)
    with pytest.raises(ValueError, match="all 4 weights are 0"):
        integer_weights(np.zeros((2, 2)), 2.0)


def test_names() -> None:
    for kind in KINDS:
        assert type(create_source(kind.name, 3)) is kind
        assert create_source(kind.name, 3).seed == 3


def test_synthetic_sources_load_without_torch() -> None:
    code = "import sys, pann_hw.power.sources; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
