"""Budgets by name and number; flips per MAC against a count weight by weight."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.terms import encode
from pann_hw.quantise.budget import (
    additions_cost,
    flips_per_mac,
    layer_flips,
    mac_flips,
    mean_additions,
    mean_bits,
    mean_terms,
    multiplier_flips_per_mac,
    parse_budget,
    weight_costs,
    zero_share,
)


@pytest.mark.parametrize(
    ("budget", "flips"),
    [
        ("2bit", 10), ("3bit", 16.5), ("4bit", 24), ("5bit", 32.5), ("6bit", 42), ("7bit", 52.5),
        ("8bit", 64), (" 2bit ", 10), (12, 12), (12.5, 12.5), ("12.5", 12.5), ("1e1", 10),
        (64, 64), (0.01, 0.01), (np.float32(2.5), 2.5),
    ],
)  # fmt: skip
def test_budgets(budget: str | float, flips: float) -> None:
    assert parse_budget(budget) == flips


@pytest.mark.parametrize(
    "budget",
    [0, -1, 64.01, float("nan"), float("inf"), "nan", "-3", "0", "1bit", "9bit", "2 bit", "two",
     "", "65", True, None],
)  # fmt: skip
def test_bad_budgets(budget: str | float) -> None:
    with pytest.raises(InputError, match="above 0 and at most 64") as caught:
        parse_budget(budget)
    assert repr(budget) in str(caught.value)
    assert "\n" not in str(caught.value)


def network(learned: bool = True) -> IntegerNetwork:
    rng = np.random.default_rng(3)
    one = Source("x", rng.integers(-9, 10, (6, 2, 3, 3)), (2, 2), (1, 1), 2, learned=learned)
    return IntegerNetwork(
        Tensor("x", (4, 7, 6), 8),
        (
            Accumulate(Tensor("h", (6, 4, 3), 3), (one,), np.zeros(6, np.int64),
                       (Scale.nearest(0.01),) * 6, 7),
            Accumulate(
                Tensor("y", (6, 4, 3), 8),
                (
                    Source("h", rng.integers(-9, 10, (6, 6, 1, 1)), learned=learned),
                    Source("h", np.full((6, 1, 1, 1), 3), groups=6, learned=False),
                ),
                np.zeros(6, np.int64), None, 255,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("max_shift", [0, 1, 3, 7])
def test_flips_are_those_of_every_weight_at_every_position(max_shift: int) -> None:
    flips, macs = 0.0, 0
    for layer in network().layers:
        assert isinstance(layer, Accumulate)
        for source in layer.sources:
            bits = 8 if source.tensor == "x" else 3
            for weight in source.weights.ravel().tolist():
                flips += 4 * 3 * bits * (len(encode(weight, max_shift)) + 0.5 * (weight != 0))
                macs += 4 * 3 if source.learned else 0
    assert flips_per_mac(network(), max_shift) == pytest.approx(flips / macs, rel=1e-12)


def test_formula_of_the_method() -> None:
    """One learned layer, R additions a weight and no weight of 0: (R + 0.5) bits."""
    weights = np.array([1, -2, 1, 4]).reshape(1, 4, 1, 1)
    one = IntegerNetwork(
        Tensor("x", (4, 3, 3), 5),
        (Accumulate(Tensor("y", (1, 3, 3), 8), (Source("x", weights),), np.zeros(1, np.int64),
                    None, 255),),
    )  # fmt: skip
    assert mean_additions(one) == 2.0
    assert flips_per_mac(one) == (2.0 + 0.5) * 5
    assert mac_flips(2) == 10


def test_weights_of_0_cost_nothing() -> None:
    weights = np.array([[0, 3, 0, -7]])
    assert additions_cost(weights, 0) == 10 + 2 * 0.5
    assert additions_cost(weights, 3) == 4 + 2 * 0.5
    assert weight_costs(8, 0).tolist() == [0, *(value + 0.5 for value in range(1, 9))]
    assert weight_costs(8, 3).tolist() == [0, 1.5, 1.5, 2.5, 1.5, 2.5, 2.5, 2.5, 1.5]
    assert weight_costs(0, 3).tolist() == [0]


@pytest.mark.parametrize("max_shift", range(8))
def test_costs_are_those_of_each_weight(max_shift: int) -> None:
    for largest in (1, 2, 255, 256, 700):
        each = [additions_cost(np.array(weight), max_shift) for weight in range(largest + 1)]
        assert weight_costs(largest, max_shift).tolist() == each


def test_ordinary_multiply_accumulates() -> None:
    for bits in range(2, 9):
        assert mac_flips(bits) == 0.5 * bits**2 + 4 * bits
        assert mac_flips(bits, signed=True) == 0.5 * bits**2 + 3 * bits + 0.5 * 32
    # 8 x 4 bits: inputs and multiplier 6 + 32, addend, sum and register 6 each; signed, 16 and 6.
    assert mac_flips(4, x_bits=8) == 6 + 32 + 3 * 6
    assert mac_flips(4, x_bits=8, signed=True) == 6 + 32 + 16 + 2 * 6


@pytest.mark.parametrize("signed", [False, True])
def test_multipliers_have_the_width_of_what_they_read(signed: bool) -> None:
    """108 MACs a position read 8 bits, 36 read 3 bits; the shortcut is none."""
    wanted = sum(
        part * mac_flips(4, x_bits=bits, signed=signed) for part, bits in ((0.75, 8), (0.25, 3))
    )
    assert multiplier_flips_per_mac(network(), 4, signed=signed) == pytest.approx(wanted)


def test_no_learned_weights() -> None:
    with pytest.raises(ValueError, match="no learned weights"):
        multiplier_flips_per_mac(network(learned=False), 4, signed=True)
    with pytest.raises(ValueError, match="no learned weights"):
        flips_per_mac(network(learned=False))
    with pytest.raises(ValueError, match="no learned weights"):
        mean_additions(network(learned=False))


def test_layer_flips_add_up() -> None:
    one = network()
    total = sum(layer_flips(layer, one.tensors, 3) for layer in one.layers)
    assert total / one.macs == pytest.approx(flips_per_mac(one, 3))
    pool = MaxPool(Tensor("p", (4, 3, 3), 8), "x", (2, 2), (2, 2))
    assert layer_flips(pool, one.tensors) == 0


def test_terms_and_zeros_are_counted_as_often_as_they_are_used() -> None:
    one = network()
    assert mean_terms(one, 0) == mean_additions(one)
    positions = {layer.output.name: layer.output.shape[1] * layer.output.shape[2]
                 for layer in one.layers}  # fmt: skip
    learned = [
        (source.weights, positions[layer.output.name])
        for layer in one.layers
        if isinstance(layer, Accumulate)
        for source in layer.sources
        if source.learned
    ]
    terms = sum(count * sum(len(encode(int(w), 3)) for w in weights.flat)
                for weights, count in learned)  # fmt: skip
    zeros = sum(count * int((weights == 0).sum()) for weights, count in learned)
    assert mean_terms(one, 3) == pytest.approx(terms / one.macs)
    assert zero_share(one) == pytest.approx(zeros / one.macs)
    with pytest.raises(ValueError, match="no learned weights"):
        mean_terms(network(learned=False), 3)
    with pytest.raises(ValueError, match="no learned weights"):
        zero_share(network(learned=False))


def test_mean_bits() -> None:
    """4 x 3 positions: 108 MACs each of 8 bits, then 36 of 3 bits."""
    assert mean_bits(network()) == pytest.approx((108 * 8 + 36 * 3) / 144)
    with pytest.raises(ValueError, match="no learned weights"):
        mean_bits(network(learned=False))
