"""The serial multiplier's model: products, and predicted flips against counted ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power.nets import grid
from pann_hw.power.serial_multiplier import SerialMultiplier
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Trace, net_flips
from tests.unit_operands import DATA, assert_close, count_slowly, operands_of


def _products(unit: SerialMultiplier, trace: Trace) -> np.ndarray:
    state: np.ndarray = (trace["upper"][2] << unit.w_bits) + trace["lower"][2]
    return state[unit.w_bits + 1 :: unit.w_bits + 1]


@pytest.mark.parametrize("widths", [(4, 4), (2, 5), (5, 2), (8, 8)])
@pytest.mark.parametrize("held", [True, False])
def test_products_of_all_operands(widths: tuple[int, int], held: bool) -> None:
    """Whether w stays at its port after the load, or not."""
    unit = SerialMultiplier(*widths)
    x, w = (word.ravel() for word in grid(*(np.arange(2**width) for width in widths)))
    stimulus = unit.stimulus({"x": x[None], "w": w[None]})
    if not held:
        stimulus["w"] *= stimulus["load"]
    np.testing.assert_array_equal(_products(unit, unit.trace(stimulus)), x * w)


def test_nets_under_any_control(rng: np.random.Generator) -> None:
    unit = SerialMultiplier(3, 5)
    stimulus = {port: rng.integers(0, 2**width, 500) for port, width in unit.ports.items()}
    trace = {net: values.tolist() for net, (_, _, values) in unit.trace(stimulus).items()}
    upper = lower = 0
    for cycle, (x, w, load, step) in enumerate(zip(*stimulus.values(), strict=True)):
        addend = int(x) if step and lower & 1 else 0
        assert (trace["upper"][cycle], trace["lower"][cycle]) == (upper, lower)
        assert trace["addend"][cycle] == addend
        total, carry = upper + addend, 0
        for bit in range(3):
            ones = (upper >> bit & 1) + (addend >> bit & 1) + carry
            carry = ones >> 1
            assert trace[f"sum_add_{bit}"][cycle] == ones & 1
            assert trace[f"carry_add_{bit}"][cycle] == carry
        if load:
            upper, lower = 0, int(w)
        elif step:
            upper, lower = total >> 1, (total & 1) << 4 | lower >> 1


def test_count_and_rest(rng: np.random.Generator) -> None:
    unit = SerialMultiplier(4, 3)
    operands = operands_of(unit, "uniform", rng, shape=(2, 9))
    stimulus = unit.stimulus(operands)
    trace = unit.trace(stimulus)
    slowly = {name: flips / 18 for name, flips in count_slowly(trace).items()}
    assert unit.count(operands) == pytest.approx(slowly)
    longer = {port: np.append(word, np.zeros(5, np.int64)) for port, word in stimulus.items()}
    for net, (_, width, values) in unit.trace(longer).items():
        np.testing.assert_array_equal(net_flips(values, width), net_flips(trace[net][2], width))


@pytest.mark.parametrize("widths", [(2, 3), (3, 2)])
def test_prediction_is_exact_for_independent_operands(
    rng: np.random.Generator, widths: tuple[int, int]
) -> None:
    """Against the mean over all products after all others, from first step to first step."""
    unit = SerialMultiplier(*widths)
    words = {name: rng.integers(0, 2**width, (7, 30)) for name, width in unit.ports.items()}
    statistics = {name: WordStatistics.of(words[name], unit.ports[name]) for name in ("x", "w")}
    expected = {"inputs": 0.0, "internal": 0.0}
    for quad in itertools.product(*(range(2**width) for width in widths for _ in range(2))):
        probability = 1.0
        for each, before, after in zip(statistics.values(), quad[::2], quad[1::2], strict=True):
            probability *= _follows(each, before, after)
        stimulus = unit.stimulus({"x": np.array([quad[:2]]), "w": np.array([quad[2:]])})
        for net_class, width, values in unit.trace(stimulus).values():
            period = values[1 : unit.w_bits + 3]
            expected[net_class] += probability * float(net_flips(period, width).sum())
    assert unit.predict(statistics) == pytest.approx(expected)


def _follows(statistics: WordStatistics, before: int, after: int) -> float:
    """Probability of a pair of words in sequences one after another."""
    values = statistics.values.tolist()
    if before not in values or after not in values:
        return 0.0
    i, j = values.index(before), values.index(after)
    across = statistics.last[i] * statistics.first[j]
    length = statistics.length
    return float((statistics.joint[i, j] * (length - 1) + across) / length)


@pytest.mark.parametrize("widths", [(2, 2), (4, 4), (8, 8), (3, 8), (8, 3)])
@pytest.mark.parametrize("data", [*DATA, "walk"])
def test_prediction(rng: np.random.Generator, widths: tuple[int, int], data: str) -> None:
    unit = SerialMultiplier(*widths)
    shape = (400, 50)
    operands = dict(operands_of(unit, "gaussian" if data == "walk" else data, rng, shape=shape))
    if data == "walk":
        most = 2**unit.x_bits - 1
        steps = np.cumsum(rng.standard_normal(shape), 1) * most / 16
        operands["x"] = np.floor(most / 2 + steps).clip(0, most).astype(np.int64)
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands), 0.02)


@pytest.mark.parametrize("bits", [3, 4, 6, 8])
def test_formula_is_the_adders_sum(rng: np.random.Generator, bits: int) -> None:
    """``0.5 b**2`` is counted at the sum alone, all nets inside flip about ``1.9 b**2``."""
    unit = SerialMultiplier(bits, bits)
    operands = operands_of(unit, "uniform", rng)
    trace = unit.trace(unit.stimulus(operands))
    operations = unit.operations(operands)
    total = sum(int(net_flips(trace[f"sum_add_{bit}"][2], 1)[0]) for bit in range(bits))
    formula = unit.formula()
    assert total / operations == pytest.approx(formula["internal"], rel=0.03)
    counted = unit.count(operands)
    assert counted["inputs"] == pytest.approx(formula["inputs"], rel=0.02)
    assert counted["internal"] == pytest.approx(1.9 * bits**2, rel=0.05)


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ((1, 4), r"x_bits = 1: must be 2\.\.8"),
        ((9, 4), r"x_bits = 9: must be 2\.\.8"),
        ((4, 1), r"w_bits = 1: must be 2\.\.8"),
        ((4, 9), r"w_bits = 9: must be 2\.\.8"),
    ],
)
def test_parameters_are_checked(widths: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SerialMultiplier(*widths)
