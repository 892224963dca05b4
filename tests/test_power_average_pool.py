"""Average pooling's model: rounded means, and predicted flips against counted ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power import average_pool
from pann_hw.power.average_pool import AveragePool
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import net_flips
from pann_hw.power.walk import walk
from pann_hw.power.windows import follow
from tests.pooling_windows import (
    SOURCES,
    all_triples,
    flips_of_second_windows,
    relative_error,
    windows_of,
)
from tests.unit_operands import count_slowly


@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("size", [2, 4, 8, 16, 32, 64])
def test_means(rng: np.random.Generator, bits: int, size: int) -> None:
    most = 2**bits - 1
    corners = np.array([[0] * size, [most] * size, [most] + [0] * (size - 1), [1] * size])
    x = np.concatenate([corners, rng.integers(0, most + 1, (50, size))])
    unit = AveragePool(bits, size)
    register = unit.trace(unit.stimulus({"x": x}))["register"][2][size + 1 :: size + 1]
    np.testing.assert_array_equal(register >> unit.shift, np.floor(x.mean(1) + 0.5))
    assert register.max() < 2**unit.width
    assert (most * size + size // 2).bit_length() == unit.width


def test_nets_under_any_control(rng: np.random.Generator) -> None:
    unit = AveragePool(3, 8)
    stimulus = {port: rng.integers(0, 2**width, 400) for port, width in unit.ports.items()}
    trace = {net: (values % 64).tolist() for net, (_, _, values) in unit.trace(stimulus).items()}
    register = 0
    for cycle, (x, load, enable) in enumerate(zip(*stimulus.values(), strict=True)):
        assert trace["register"][cycle] == register % 64
        assert trace["sum"][cycle] == (register + x) % 64
        assert trace["extended"][cycle] == x
        register = 4 if load else register + x * enable


def test_count_and_rest(rng: np.random.Generator) -> None:
    unit = AveragePool(3, 4)
    x = rng.integers(0, 8, (9, 4))
    stimulus = unit.stimulus({"x": x})
    trace = unit.trace(stimulus)
    slowly = {name: flips / x.size for name, flips in count_slowly(trace).items()}
    assert unit.count({"x": x}) == pytest.approx(slowly)
    longer = {port: np.append(word, np.zeros(5, np.int64)) for port, word in stimulus.items()}
    for net, (_, width, values) in unit.trace(longer).items():
        np.testing.assert_array_equal(net_flips(values, width), net_flips(trace[net][2], width))


@pytest.mark.parametrize(("bits", "size"), [(2, 2), (3, 2)])
@pytest.mark.parametrize("longest", [0, 16])
def test_prediction_is_exact_for_independent_words(
    bits: int, size: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the mean over all windows after and before all windows, with and without chain."""
    monkeypatch.setattr(average_pool, "_LONGEST_CHAIN", longest)
    unit = AveragePool(bits, size)
    uniform = WordStatistics.from_bits([0.5] * bits, [0.5] * bits, size)
    counted = flips_of_second_windows(unit, all_triples(bits, size))
    assert unit.predict({"x": uniform}) == pytest.approx(counted)


@pytest.mark.parametrize("source", ["images", "walk"])
def test_prediction_against_sampled_windows(rng: np.random.Generator, source: str) -> None:
    """Activations that are drawn one after another, as a chain of the data's statistics."""
    unit = AveragePool(3, 4)
    statistics = unit.measure({"x": windows_of(source, 3, 4, rng)})
    x = statistics["x"]
    follows = np.cumsum(follow(x, x.values, x.frequency), 1)
    first = np.cumsum(x.first)
    words = [np.searchsorted(first, rng.random(100_000)).clip(0, len(first) - 1)]
    for _ in range(3):
        draws = rng.random((100_000, 1))
        words.append((follows[words[-1]] < draws).sum(1).clip(0, len(first) - 1))
    counted = unit.count({"x": x.values[np.stack(words, 1)]})
    predicted = unit.predict({"x": x})
    for name in ("sum", "register"):
        assert predicted[name] == pytest.approx(counted[name], rel=0.02), name


@pytest.mark.parametrize(("bits", "size"), [*itertools.product([2, 4, 8], [4, 16]), (4, 64)])
@pytest.mark.parametrize("source", SOURCES)
def test_prediction(rng: np.random.Generator, bits: int, size: int, source: str) -> None:
    unit = AveragePool(bits, size)
    operands = {"x": windows_of(source, bits, size, rng)}
    counted = unit.count(operands)
    predicted = unit.predict(unit.measure(operands))
    assert predicted["accumulator_input"] == pytest.approx(counted["accumulator_input"], rel=0.002)
    assert abs(relative_error(predicted, counted)) < 0.02
    for name in ("sum", "register"):
        assert predicted[name] == pytest.approx(counted[name], rel=0.035), name


def test_independent_activations_are_worse_on_images(rng: np.random.Generator) -> None:
    """As a plain accumulator's walk has it: neither chain nor rounding."""
    unit = AveragePool(8, 4)
    operands = {"x": windows_of("images", 8, 4, rng)}
    counted, statistics = unit.count(operands), unit.measure(operands)
    x = statistics["x"]
    flips = walk(x.values, x.frequency, x.length, unit.width)
    assert abs(flips.register / counted["register"] - 1) > 0.1
    assert abs(unit.predict(statistics)["register"] / counted["register"] - 1) < 0.025


@pytest.mark.parametrize(("bits", "size", "most"), [(2, 4, 0.12), (8, 4, 0.05), (8, 64, 0.02)])
def test_formula(rng: np.random.Generator, bits: int, size: int, most: float) -> None:
    unit = AveragePool(bits, size)
    counted = unit.count({"x": rng.integers(0, 2**bits, (40_000 // size, size))})
    formula = unit.formula()
    assert formula["accumulator_input"] == pytest.approx(counted["accumulator_input"], rel=0.01)
    assert abs(relative_error(formula, counted)) < most


@pytest.mark.parametrize(
    ("bits", "size", "message"),
    [
        (1, 4, r"bits = 1: must be 2\.\.8"),
        (9, 4, r"bits = 9: must be 2\.\.8"),
        (4, 1, r"size = 1: must be 2\.\.64"),
        (4, 128, r"size = 128: must be 2\.\.64"),
        (4, 9, r"size = 9: must be a power of two"),
    ],
)
def test_parameters_are_checked(bits: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AveragePool(bits, size)


def test_bad_windows_are_refused() -> None:
    unit = AveragePool(2, 4)
    for call in (unit.measure, unit.count):
        with pytest.raises(ValueError, match=r"shape \(6, 2\): must be \(windows, 4\)"):
            call({"x": np.arange(12).reshape(6, 2) % 4})
        with pytest.raises(ValueError, match=r"4"):
            call({"x": np.full((3, 4), 4)})
    with pytest.raises(ValueError, match="constant at 2"):
        unit.measure({"x": np.full((3, 4), 2)})
