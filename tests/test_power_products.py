"""Circuits of multipliers: every product of every pair of operands."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power.nets import as_signed, evaluate, grid, unsigned
from pann_hw.power.products import KINDS

WIDTHS = [*itertools.product(range(2, 7), repeat=2), (7, 7), (8, 8), (8, 3), (3, 8)]


def all_words(kind: str, x_bits: int, w_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of words, signed but for the array."""
    ranges = [
        np.arange(2**bits) - (0 if kind == "array" else 2 ** (bits - 1))
        for bits in (x_bits, w_bits)
    ]
    return grid(ranges[0], ranges[1])


def all_nets(kind: str, x_bits: int, w_bits: int) -> dict[str, np.ndarray]:
    x, w = all_words(kind, x_bits, w_bits)
    return evaluate(KINDS[kind], (x, x_bits), (w, w_bits))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_all_products(kind: str) -> None:
    for x_bits, w_bits in WIDTHS:
        x, w = all_words(kind, x_bits, w_bits)
        _, product = evaluate(
            KINDS[kind], (unsigned(x, x_bits), x_bits), (unsigned(w, w_bits), w_bits)
        )
        if kind != "array":
            product = as_signed(product, x_bits + w_bits)
        wrong = np.flatnonzero((product != x * w).ravel())
        assert not len(wrong), f"{x_bits} x {w_bits} bits: {len(wrong)} of {x.size} are wrong"


@pytest.mark.parametrize("kind", KINDS)
def test_every_net_can_flip(kind: str) -> None:
    for x_bits, w_bits in WIDTHS:
        nets = all_nets(kind, x_bits, w_bits)
        constant = [name for name, values in nets.items() if values.min() == values.max()]
        assert not constant, f"{x_bits} x {w_bits} bits: {constant}"


@pytest.mark.parametrize("kind", KINDS)
def test_no_net_is_counted_twice(kind: str) -> None:
    """From 3 bits on, no net is another one or its inverse but for an inverter that is there."""
    for bits in (3, 4, 5, 6, 8):
        nets = all_nets(kind, bits, bits)
        first: dict[bytes, str] = {}
        for name, values in nets.items():
            key = min(values.tobytes(), (~values).tobytes())
            same = first.setdefault(key, name)
            # The constant meets a single carry in Booth's highest column at odd widths.
            allowed = kind == "booth" and bits % 2 and name == f"sum_{bits // 2 + 2}_{2 * bits - 1}"
            assert same == name or allowed, f"{bits} bits: {name} follows {same}"


def test_nets_of_the_array_are_those_of_its_gates() -> None:
    """b**2 AND gates, and a full adder of sum and carry at all but the edges of b - 1 rows."""
    nets = all_nets("array", 4, 4)
    groups = {
        kind: sum(1 for net in nets if net.startswith(kind)) for kind in ("pp", "sum", "carry")
    }
    assert groups == {"pp": 16, "sum": 12, "carry": 12}


@pytest.mark.parametrize("kind", KINDS)
def test_nets_that_are_product_bits_can_be_left_out(kind: str) -> None:
    x, w = (words.ravel() for words in all_words(kind, 4, 3))
    everything, product = evaluate(KINDS[kind], (x, 4), (w, 3))
    inner, same = evaluate(KINDS[kind], (x, 4), (w, 3), outputs=False)
    assert (product == same).all()
    assert len(everything) - len(inner) == 7
    outer = {name: values for name, values in everything.items() if name not in inner}
    for place in range(7):
        bit = (product >> place & 1).astype(bool)
        assert any((bit == values).all() for values in outer.values()), f"bit {place}"
    assert all((everything[name] == values).all() for name, values in inner.items())
