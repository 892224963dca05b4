"""One rail: flips of each net, predicted and counted; rates of bits and of carries."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.rails import OneRail, bit_rates
from pann_hw.power.sources import create_source
from pann_hw.power.unit import Operands, net_flips

MAX_SHIFT = 3


def data(kind: str, seed: int) -> Operands:
    return create_source(kind, seed, 1500, 50).weighted(4, 2.0)


def rails_of(operands: Operands) -> OneRail:
    statistics = PannAdder(4, 20, 1, MAX_SHIFT).measure(operands)
    return OneRail(statistics["x"], statistics["w"], MAX_SHIFT)


def counted(low_bits: int, operands: Operands) -> tuple[dict[str, float], float]:
    """Flips of each net per weight, and how many of the steps are not 0."""
    unit = PannAdder(4, 20, 1, MAX_SHIFT, low_bits)
    trace = unit.trace(unit.stimulus(operands))
    weights = operands["w"].size
    flips = {net: net_flips(values, width).sum() / weights for net, (_, width, values) in
             trace.items()}  # fmt: skip
    moves = np.count_nonzero(trace["step"][2]) / weights if low_bits else 0.0
    return flips, moves


@pytest.mark.parametrize("kind", ["uniform", "gaussian", "sparse"])
def test_each_net(kind: str, seed: int) -> None:
    operands = data(kind, seed)
    rails = rails_of(operands)
    flips, _ = counted(0, operands)
    assert rails.operand_flips() == pytest.approx(flips["p"], rel=0.015)
    assert rails.shifter_flips(MAX_SHIFT) == pytest.approx(flips["p_shifted_0"], rel=0.015)
    assert rails.addend_flips(20) == pytest.approx(flips["extended"], rel=0.015)
    total, register = rails.walk(20)
    assert total == pytest.approx(flips["sum"], rel=0.02)
    assert register == pytest.approx(flips["register"], rel=0.02)


@pytest.mark.parametrize("low_bits", [1, 4, 7, 12])
@pytest.mark.parametrize("kind", ["uniform", "sparse"])
def test_carries(kind: str, low_bits: int, seed: int) -> None:
    operands = data(kind, seed)
    rails = rails_of(operands)
    flips, moves = counted(low_bits, operands)
    assert rails.carry_flips(low_bits, 20 - low_bits) == pytest.approx(
        flips["step"], rel=0.025, abs=0.005
    )
    assert rails.moves(low_bits) == pytest.approx(moves, rel=0.02, abs=0.003)


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_of_one_sign(sign: int, seed: int) -> None:
    operands = data("gaussian", seed)
    operands = {"x": operands["x"], "w": sign * np.abs(operands["w"])}
    rails = rails_of(operands)
    flips, _ = counted(0, operands)
    assert rails.addend_flips(20) == pytest.approx(flips["extended"], rel=0.015)
    assert rails.walk(20)[0] == pytest.approx(flips["sum"], rel=0.015)


def test_cycles_are_terms(seed: int) -> None:
    operands = data("gaussian", seed)
    unit = PannAdder(4, 20, 1, MAX_SHIFT)
    enable = unit.stimulus(operands)["enable"].sum()
    assert rails_of(operands).cycles == pytest.approx(enable / operands["w"].size)


def test_rates_of_bits(rng: np.random.Generator) -> None:
    values, shares = np.arange(-9, 14), rng.random(23)
    bits = [sum(p for v, p in zip(values, shares, strict=True) if v >> k & 1) for k in range(6)]
    np.testing.assert_allclose(bit_rates(values, shares, 6), bits)
