"""The interface of all units: counting, checked widths, operands that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width, net_flips
from tests.unit_operands import count_slowly


@dataclass(frozen=True)
class Exclusive(Unit):
    """A unit for tests: ``x ^ w``, of words of 4 bits, x signed."""

    name = "exclusive"
    operands = {"x": (4, True), "w": (4, False)}  # noqa: RUF012
    ports = {"x": 4, "w": 4}  # noqa: RUF012

    def formula(self) -> Flips:
        return {"inputs": 4.0, "internal": 2.0}

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        return {"inputs": float(statistics["x"].toggles.sum() + statistics["w"].toggles.sum())}

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        return {port: np.append(operands[port].ravel() & 15, 0) for port in ("x", "w")}

    def trace(self, stimulus: Stimulus) -> Trace:
        x, w = stimulus["x"], stimulus["w"]
        # Not in the order of classes, in which results are.
        return {"out": ("internal", 4, x ^ w), "x": ("inputs", 4, x), "w": ("inputs", 4, w)}


def operands(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"x": rng.integers(-8, 8, (5, 6)), "w": rng.integers(0, 16, (5, 6))}


def test_count_is_that_of_every_net_and_cycle(rng: np.random.Generator) -> None:
    unit = Exclusive()
    given = operands(rng)
    slow = count_slowly(unit.trace(unit.stimulus(given)))
    counted = unit.count(given)
    assert counted == {net_class: total / 30 for net_class, total in slow.items()}
    assert list(counted) == ["inputs", "internal"]
    small = {"x": given["x"].astype(np.int8), "w": given["w"].astype(np.uint8)}
    assert unit.count(small) == counted


def test_flips_of_each_bit(rng: np.random.Generator) -> None:
    words = rng.integers(0, 2**20, 40)
    flips = net_flips(words, 20)
    for bit in range(20):
        bits = [word >> bit & 1 for word in words.tolist()]
        assert flips[bit] == sum(a != b for a, b in pairwise(bits))
    assert net_flips(words > 2**19, 1).tolist() == [np.count_nonzero(np.diff(words > 2**19))]
    assert net_flips(words[:1], 20).tolist() == [0] * 20


def test_statistics_are_measured_of_each_operand(rng: np.random.Generator) -> None:
    given = operands(rng)
    measured = Exclusive().measure(given)
    assert measured == {
        "x": WordStatistics.of(given["x"], 4, signed=True),
        "w": WordStatistics.of(given["w"], 4),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((0, 6), int)}, r"x of shape \(0, 6\): must be \(sequences, length\)"),
        ({"x": np.full((5, 6), 8)}, r"x has the value 8, 4 bits hold -8\.\.7"),
        ({"w": np.full((5, 6), -1)}, r"w has the value -1, 4 bits hold 0\.\.15"),
        (
            {"w": np.full((5, 6), np.nan)},
            r"w is float64, begins with nan: must be integers 0\.\.15",
        ),
    ],
)
def test_bad_operands_are_neither_measured_nor_counted(
    changes: dict[str, np.ndarray], message: str, rng: np.random.Generator
) -> None:
    given = operands(rng) | changes
    with pytest.raises(ValueError, match=message):
        Exclusive().measure(given)
    with pytest.raises(ValueError, match=message):
        Exclusive().count(given)


def test_operands_of_unequal_shape_are_not_counted(rng: np.random.Generator) -> None:
    given = operands(rng) | {"w": np.ones((5, 7), int)}
    message = r"operands of shapes {'x': \(5, 6\), 'w': \(5, 7\)}: must be the same"
    with pytest.raises(ValueError, match=message):
        Exclusive().count(given)


def test_constant_operands_can_be_counted_but_not_measured(rng: np.random.Generator) -> None:
    given = operands(rng) | {"w": np.full((5, 6), 3)}
    with pytest.raises(ValueError, match=r"w is constant at 3: .* in 0\.\.15"):
        Exclusive().measure(given)
    assert Exclusive().count(given)["internal"] > 0


@pytest.mark.parametrize("value", [2, 5, 8, np.int64(8)])
def test_widths_in_range_pass(value: int) -> None:
    check_width("x_bits", value, 2, 8)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, r"x_bits = 1: must be 2\.\.8"),
        (9, r"x_bits = 9: must be 2\.\.8"),
        (-3, r"x_bits = -3: must be 2\.\.8"),
        (4.0, r"x_bits = 4\.0: must be a whole number, 2\.\.8"),
        (True, r"x_bits = True: must be a whole number, 2\.\.8"),
        ("4", r"x_bits = '4': must be a whole number, 2\.\.8"),
        (None, r"x_bits = None: must be a whole number, 2\.\.8"),
    ],
)
def test_widths_out_of_range_are_refused(value: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_width("x_bits", value, 2, 8)
