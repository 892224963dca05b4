"""Closed formulas: the figures of the paper."""

from __future__ import annotations

import pytest

from pann_hw.power import formulas

SIGNED_MAC = {2: 24, 3: 29.5, 4: 36, 5: 43.5, 6: 52, 8: 72}
UNSIGNED_MAC = {2: 10, 3: 16.5, 4: 24, 5: 32.5, 6: 42, 8: 64}


def total(flips: dict[str, float]) -> float:
    return sum(flips.values())


@pytest.mark.parametrize("bits", SIGNED_MAC)
def test_mac(bits: int) -> None:
    signed = total(formulas.mac(bits, bits, 32, signed=True))
    assert signed == SIGNED_MAC[bits] == 0.5 * bits**2 + 3 * bits + 0.5 * 32
    for width in (16, 24, 32):
        unsigned = total(formulas.mac(bits, bits, width, signed=False))
        assert unsigned == UNSIGNED_MAC[bits] == 0.5 * bits**2 + 4 * bits


@pytest.mark.parametrize(("bits", "percent"), [(2, 58), (3, 44), (4, 33)])
def test_saving_of_going_unsigned(bits: int, percent: int) -> None:
    signed, unsigned = (total(formulas.mac(bits, bits, 32, signed=sign)) for sign in (True, False))
    assert round(100 * (1 - unsigned / signed)) == percent


def test_multiplier_pays_for_the_wider_operand() -> None:
    for bits in range(2, 9):
        assert total(formulas.multiply(bits, bits)) == 0.5 * bits**2 + bits
    assert formulas.multiply(8, 4) == {"inputs": 6.0, "internal": 32.0}
    assert formulas.multiply(4, 8) == formulas.multiply(8, 4)


def test_accumulator_of_products() -> None:
    for bits in range(2, 9):
        assert total(formulas.accumulate(2 * bits, 32, signed=True)) == 16 + 2 * bits
        assert total(formulas.accumulate(2 * bits, 32, signed=False)) == 3 * bits
    assert formulas.accumulate(8, 24, signed=True)["accumulator_input"] == 12


@pytest.mark.parametrize(("x_bits", "additions"), [(2, 4.5), (4, 2.0), (5, 1.5), (8, 0.75)])
def test_pann_at_the_budget_of_two_bits(x_bits: int, additions: float) -> None:
    assert total(formulas.flips_per_weight(additions, x_bits)) == 10
    assert formulas.flips_per_weight(additions, x_bits)["accumulator_input"] == x_bits / 2


def test_word_of_a_register() -> None:
    assert formulas.register_word(12) == 6
