"""Max pooling's model: maxima, and predicted flips against counted ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power.max_pool import MaxPool, compare
from pann_hw.power.nets import grid, word_bits
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import net_flips
from pann_hw.power.windows import follow
from tests.pooling_windows import (
    SOURCES,
    all_triples,
    flips_of_second_windows,
    relative_error,
    windows_of,
)
from tests.unit_operands import count_slowly


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_comparator_on_all_words(bits: int) -> None:
    nets: dict[str, np.ndarray] = {}
    x, y = grid(np.arange(2**bits), np.arange(2**bits))

    def probe(name: str, value: np.ndarray) -> np.ndarray:
        nets[name] = value
        return value

    result = compare(word_bits(x, bits), word_bits(y, bits), probe)
    np.testing.assert_array_equal(result, x > y)
    for bit in range(bits):
        low = (2 << bit) - 1
        np.testing.assert_array_equal(nets[f"greater_{bit}"], (x & low) > (y & low))


@pytest.mark.parametrize("size", [2, 4, 9, 64])
def test_maxima(rng: np.random.Generator, size: int) -> None:
    x = rng.integers(0, 256, (50, size))
    unit = MaxPool(8, size)
    register = unit.trace(unit.stimulus({"x": x}))["register"][2]
    np.testing.assert_array_equal(register[size::size], x.max(1))


def test_nets_under_any_control(rng: np.random.Generator) -> None:
    unit = MaxPool(4, 4)
    stimulus = {port: rng.integers(0, 2**width, 400) for port, width in unit.ports.items()}
    trace = {net: values.tolist() for net, (_, _, values) in unit.trace(stimulus).items()}
    register = 0
    for cycle, (x, first, enable) in enumerate(zip(*stimulus.values(), strict=True)):
        taken = bool(first) or x > register
        assert trace["register"][cycle] == register
        assert trace["take"][cycle] == taken
        assert trace["selected"][cycle] == (x if taken else register)
        register = trace["selected"][cycle] if enable else register


def test_count_and_rest(rng: np.random.Generator) -> None:
    unit = MaxPool(3, 4)
    x = rng.integers(0, 8, (9, 4))
    stimulus = unit.stimulus({"x": x})
    trace = unit.trace(stimulus)
    slowly = {name: flips / x.size for name, flips in count_slowly(trace).items()}
    assert unit.count({"x": x}) == pytest.approx(slowly)
    longer = {port: np.append(word, np.zeros(5, np.int64)) for port, word in stimulus.items()}
    for net, (_, width, values) in unit.trace(longer).items():
        np.testing.assert_array_equal(net_flips(values, width), net_flips(trace[net][2], width))


def test_prediction_is_exact_for_independent_words() -> None:
    """Against the mean over all windows after and before all windows."""
    unit = MaxPool(2, 3)
    uniform = WordStatistics.from_bits([0.5, 0.5], [0.5, 0.5], 3)
    counted = flips_of_second_windows(unit, all_triples(2, 3))
    assert unit.predict({"x": uniform, "across": uniform}) == pytest.approx(counted)


@pytest.mark.parametrize("source", ["images", "walk"])
def test_prediction_against_sampled_windows(rng: np.random.Generator, source: str) -> None:
    """Windows that are drawn, one activation after another, as the model says."""
    unit = MaxPool(3, 4)
    statistics = unit.measure({"x": windows_of(source, 3, 4, rng)})
    x = statistics["x"]
    assert x.values.tolist() == list(range(8))
    follows = follow(x, x.values, x.frequency)
    rises = follow(statistics["maximum"], x.values, x.frequency)
    begins = follow(statistics["maximum_across"], x.values, x.first)
    draws = iter(rng.random(200_000).tolist())

    def draw(row: np.ndarray) -> int:
        return int(np.searchsorted(np.cumsum(row), next(draws) * row.sum()))

    words, maximum = [], 0
    for _ in range(10_000):
        words.append(draw(begins[maximum]))
        maximum = words[-1]
        for _ in range(3):
            word = draw(rises[maximum])
            if word <= maximum:
                word = draw(follows[words[-1], : maximum + 1])
            words.append(word)
            maximum = max(maximum, word)
    counted = unit.count({"x": np.array(words).reshape(-1, 4)})
    predicted = unit.predict(statistics)
    for name in ("internal", "sum", "register"):
        # The windows of the data begin as they do, not as those before them end in the samples.
        assert predicted[name] == pytest.approx(counted[name], rel=0.04), name


MOST_ERROR_OF_WALKS = {4: 0.025, 16: 0.08, 64: 0.18}
"""Random walks within a large window are the model's limit, see its docstring."""


@pytest.mark.parametrize(("bits", "size"), [*itertools.product([2, 4, 8], [4, 16]), (4, 64)])
@pytest.mark.parametrize("source", SOURCES)
def test_prediction(rng: np.random.Generator, bits: int, size: int, source: str) -> None:
    unit = MaxPool(bits, size)
    operands = {"x": windows_of(source, bits, size, rng)}
    counted = unit.count(operands)
    predicted = unit.predict(unit.measure(operands))
    assert predicted["inputs"] == pytest.approx(counted["inputs"], rel=0.002)
    most = MOST_ERROR_OF_WALKS[size] if source == "walk" else 0.04 if source == "images" else 0.015
    assert abs(relative_error(predicted, counted)) < most


def test_chain_alone_is_worse_on_images(rng: np.random.Generator) -> None:
    unit = MaxPool(4, 4)
    operands = {"x": windows_of("images", 4, 4, rng)}
    counted = unit.count(operands)
    statistics = unit.measure(operands)
    best = unit.predict(statistics)
    for name in ("maximum", "maximum_across"):
        rest = {other: each for other, each in statistics.items() if other != name}
        assert abs(relative_error(unit.predict(rest), counted)) > 0.03
    assert abs(relative_error(best, counted)) < 0.01


@pytest.mark.parametrize("size", [2, 4, 16])
def test_formula_of_what_the_registers_take(rng: np.random.Generator, size: int) -> None:
    """Exact for ``take``; a new maximum flips less than half of the bits."""
    unit = MaxPool(8, size)
    x = rng.integers(0, 256, (40_000 // size, size))
    trace = unit.trace(unit.stimulus({"x": x}))
    formula, counted = unit.formula(), unit.count({"x": x})
    harmonic = sum(1 / k for k in range(1, size + 1))
    take = float(net_flips(trace["take"][2], 1)[0]) / x.size
    assert take == pytest.approx(2 * (harmonic - 1) / size, rel=0.05)
    assert formula["inputs"] == pytest.approx(counted["inputs"], rel=0.01)
    for name in ("sum", "register"):
        assert 0.99 * counted[name] < formula[name] < 1.15 * counted[name]
    assert formula["internal"] == pytest.approx(counted["internal"], rel=0.4)


@pytest.mark.parametrize(
    ("bits", "size", "message"),
    [
        (1, 4, r"bits = 1: must be 2\.\.8"),
        (9, 4, r"bits = 9: must be 2\.\.8"),
        (4, 1, r"size = 1: must be 2\.\.64"),
        (4, 65, r"size = 65: must be 2\.\.64"),
    ],
)
def test_parameters_are_checked(bits: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MaxPool(bits, size)


def test_bad_windows_are_refused() -> None:
    unit = MaxPool(2, 4)
    for call in (unit.measure, unit.count):
        with pytest.raises(ValueError, match=r"shape \(6, 2\): must be \(windows, 4\)"):
            call({"x": np.arange(12).reshape(6, 2) % 4})
        with pytest.raises(ValueError, match=r"4"):
            call({"x": np.full((3, 4), 4)})
    with pytest.raises(ValueError, match="constant at 2"):
        unit.measure({"x": np.full((3, 4), 2)})


def test_a_single_window_and_constant_ends() -> None:
    unit = MaxPool(2, 2)
    for x in ([[1, 2]], [[3, 1], [3, 1], [3, 2]]):
        predicted = unit.predict(unit.measure({"x": np.array(x)}))
        assert all(np.isfinite(flips) and flips >= 0 for flips in predicted.values())
