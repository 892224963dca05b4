"""Power of accumulators at three levels."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.accumulator import Accumulator, paced, sequence_control
from tests.unit_operands import DATA, assert_close, count_slowly, operands_of

UNITS = [
    Accumulator(bits, width, signed)
    for bits, width in ((4, 16), (8, 8), (8, 24), (12, 32), (16, 63))
    for signed in (False, True)
]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_statistics_predict_the_count(
    unit: Accumulator, data: str, rng: np.random.Generator
) -> None:
    operands = operands_of(unit, data, rng, shape=(1500, 40))
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


@pytest.mark.parametrize("length", [1, 2, 5])
def test_short_sequences(length: int, rng: np.random.Generator) -> None:
    for signed in (False, True):
        unit = Accumulator(8, 24, signed)
        operands = operands_of(unit, "gaussian", rng, shape=(8000, length))
        assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


def test_closed_formula() -> None:
    for bits in range(2, 9):
        for width in (16, 24, 32):
            signed, unsigned = (Accumulator(2 * bits, width, sign) for sign in (True, False))
            assert sum(signed.formula().values()) == 0.5 * width + 2 * bits
            assert sum(unsigned.formula().values()) == 3 * bits


def slow_nets(unit: Accumulator, stimulus: dict[str, np.ndarray]) -> dict[str, list[int]]:
    """Every net in every cycle, by one Python integer after another."""
    register = 0
    nets: dict[str, list[int]] = {"extended": [], "sum": [], "register": []}
    size = 2**unit.width
    for addend, load, enable in zip(*(stimulus[port].tolist() for port in unit.ports), strict=True):
        negative = unit.signed and addend >= 2 ** (unit.bits - 1)
        extended = (addend - 2**unit.bits if negative else addend) % size
        nets["extended"].append(extended)
        nets["sum"].append((register + extended) % size)
        nets["register"].append(register)
        if load:
            register = 0
        elif enable:
            register = (register + extended) % size
    return nets


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_trace_is_that_of_a_loop_over_cycles(unit: Accumulator, rng: np.random.Generator) -> None:
    """With load and enable at random, also both at once."""
    stimulus = {port: rng.integers(0, 2**width, 200) for port, width in unit.ports.items()}
    trace = unit.trace(stimulus)
    assert {net: values.tolist() for net, (_, _, values) in trace.items()} == slow_nets(
        unit, stimulus
    )
    assert {(group, width) for group, width, _ in trace.values()} == {
        (group, unit.width) for group in ("accumulator_input", "sum", "register")
    }


@pytest.mark.parametrize("signed", [False, True])
def test_count_is_that_of_every_net_and_cycle(signed: bool, rng: np.random.Generator) -> None:
    unit = Accumulator(5, 9, signed)
    operands = operands_of(unit, "uniform", rng, shape=(6, 4))
    slow = count_slowly(unit.trace(unit.stimulus(operands)))
    assert unit.count(operands) == {group: total / 24 for group, total in slow.items()}


def test_sequences_are_paced() -> None:
    words = np.array([[1, 2], [3, 4], [5, 6]])
    assert paced(words).tolist() == [0, 1, 2, 0, 3, 4, 0, 5, 6, 0]
    assert {name: bits.tolist() for name, bits in sequence_control(words.shape).items()} == {
        "load": [1, 0, 0, 1, 0, 0, 1, 0, 0, 0],
        "enable": [0, 1, 1, 0, 1, 1, 0, 1, 1, 0],
    }


@pytest.mark.parametrize("signed", [False, True])
def test_each_sequence_sums_its_words(signed: bool, rng: np.random.Generator) -> None:
    unit = Accumulator(6, 16, signed)
    operands = operands_of(unit, "uniform", rng, shape=(5, 7))
    stimulus = unit.stimulus(operands)
    register = unit.trace(stimulus)["register"][2]
    ends = np.append(np.flatnonzero(stimulus["load"])[1:], len(register) - 1)
    assert register[ends].tolist() == [int(total) % 2**16 for total in operands["d"].sum(1)]


def test_stimulus_ends_at_rest(rng: np.random.Generator) -> None:
    """More cycles of zeros change nothing any more."""
    unit = Accumulator(6, 16, True)
    stimulus = unit.stimulus(operands_of(unit, "uniform", rng, shape=(5, 7)))
    longer = {port: np.append(words, [0, 0, 0]) for port, words in stimulus.items()}
    assert count_slowly(unit.trace(longer)) == count_slowly(unit.trace(stimulus))


@pytest.mark.parametrize(
    ("bits", "width", "message"),
    [
        (1, 16, r"bits = 1: must be 2\.\.16"),
        (17, 32, r"bits = 17: must be 2\.\.16"),
        (8, 7, r"accumulator_width = 7: too narrow for the addend of 8 bits, must be 8\.\.63"),
        (8, 64, r"accumulator_width = 64: must be 2\.\.63"),
        (8, 16.0, r"accumulator_width = 16\.0: must be a whole number"),
    ],
)
def test_bad_parameters(bits: int, width: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Accumulator(bits, width, True)
