"""Words and bits, circuits evaluated, registers of accumulators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pann_hw.power.adders import Bit, Probe
from pann_hw.power.nets import (
    accumulate,
    as_signed,
    evaluate,
    from_bits,
    grid,
    unsigned,
    word_bits,
)


@pytest.mark.parametrize("width", [1, 2, 8, 16, 63])
def test_words_and_bits(width: int, rng: np.random.Generator) -> None:
    words = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), 50)
    bits = word_bits(words, width)
    assert [bit.dtype for bit in bits] == [np.dtype(bool)] * width
    for place, bit in enumerate(bits):
        assert bit.tolist() == [bool(int(word) >> place & 1) for word in words]
    assert (from_bits(bits) == unsigned(words, width)).all()
    assert unsigned(words, width).tolist() == [int(word) % 2**width for word in words]
    assert (as_signed(unsigned(words, width), width) == words).all()


def test_tied_and_missing_bits() -> None:
    word = from_bits([None, np.array([False, True]), 1, None])
    assert word.tolist() == [4, 6]
    assert from_bits([1, None, 1]) == 5


def test_grid_pairs_every_word_with_every_other() -> None:
    x, w = grid(np.array([3, 5]), np.array([7, 8, 9]))
    pairs = [list(zip(*rows, strict=True)) for rows in zip(x.tolist(), w.tolist(), strict=True)]
    assert pairs == [[(3, 7), (3, 8), (3, 9)], [(5, 7), (5, 8), (5, 9)]]


def test_circuit_is_evaluated_net_by_net() -> None:
    def circuit(x: Sequence[Bit], w: Sequence[Bit], probe: Probe) -> list[Bit]:
        both = probe("both", x[0] & w[0])
        return [probe("out", ~both), x[1], None, 1, both]

    x, w = np.array([0b01, 0b11]), np.array([1, 0])
    nets, result = evaluate(circuit, (x, 2), (w, 1))
    assert {name: bit.tolist() for name, bit in nets.items()} == {
        "both": [True, False],
        "out": [False, True],
    }
    assert result.tolist() == [0b11000, 0b01011]
    assert not evaluate(circuit, (x, 2), (w, 1), outputs=False)[0]


def test_register_of_an_accumulator(rng: np.random.Generator) -> None:
    for _ in range(30):
        addend = rng.integers(-9, 10, 40)
        load, enable = (rng.random((2, 40)) < rng.random((2, 1))).astype(np.int64)
        register, expected = 0, []
        for value, clear, add in zip(addend, load, enable, strict=True):
            expected.append(register)
            if clear:
                register = 0
            elif add:
                register += int(value)
        assert accumulate(addend, load, enable).tolist() == expected
