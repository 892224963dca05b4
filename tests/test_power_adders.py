"""Full adders and their sums, against integer addition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pann_hw.power.adders import Bit, add_rows, full_adder, ripple_add
from pann_hw.power.nets import from_bits, word_bits


class Recorder:
    """A probe that keeps every net; it gives a copy, as a wire is told by being the same object."""

    def __init__(self) -> None:
        self.nets: dict[str, np.ndarray] = {}

    def __call__(self, name: str, value: Bit) -> Bit:
        assert name not in self.nets, f"two nets called {name}"
        self.nets[name] = np.array(value)
        return self.nets[name]


def columns(count: int) -> list[np.ndarray]:
    """All combinations of so many bits."""
    return [np.arange(2**count) >> place & 1 == 1 for place in range(count)]


@pytest.mark.parametrize("top", [False, True])
@pytest.mark.parametrize(
    ("count", "tied"), [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1)]
)
def test_truth_table_with_missing_and_tied_bits(count: int, tied: int, top: bool) -> None:
    free = columns(count)
    bits = [*free, *[1] * tied, *[None] * (3 - count - tied)]
    for order in itertools.permutations(range(3)):
        recorder = Recorder()
        total, carry = full_adder([bits[index] for index in order], "a", recorder, top=top)
        expected = np.sum(free, 0).astype(int) + tied if free else np.array(tied)
        result = from_bits([total] if top else [total, carry])
        assert (result == (expected & 1 if top else expected)).all()
        assert top <= (carry is None)
        # A wire, a constant and a bit that is always 0 are no nets of their own.
        counted = list(recorder.nets.values())
        outputs = [bit for bit in (total, carry) if isinstance(bit, np.ndarray)]
        assert len(counted) == sum(not any(bit is wire for wire in free) for bit in outputs)
        assert all(any(bit is value for value in counted) or any(bit is wire for wire in free)
                   for bit in outputs)  # fmt: skip


@pytest.mark.parametrize(
    ("count", "tied", "message"),
    [
        (1, 2, "adder m_7: 3 bits, 2 tied: must be at most 3, 1 tied"),
        (3, 1, "adder m_7: 4 bits, 1 tied: must be at most 3, 1 tied"),
    ],
)
def test_too_many_bits_are_refused(count: int, tied: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        full_adder([*columns(count), *[1] * tied], "m_7", Recorder())


@pytest.mark.parametrize("width", [1, 2, 5, 9])
@pytest.mark.parametrize("constant", [False, True])
def test_rows_of_bits_are_added(width: int, constant: bool, rng: np.random.Generator) -> None:
    for _ in range(20):
        expected = np.zeros(16, np.int64)
        rows: list[dict[int, Bit]] = []
        for _ in range(rng.integers(1, 6)):
            row = {
                position: rng.integers(0, 2, 16).astype(bool)
                for position in range(width)
                if rng.random() < 0.7
            }
            expected += sum((bit.astype(np.int64) << place for place, bit in row.items()), 0)
            rows.append(row)
        if constant:
            ties = [position for position in range(width) if rng.random() < 0.5]
            rows.append(dict.fromkeys(ties, 1))
            expected += sum(2**position for position in ties)
        result = add_rows(rows, width, Recorder())
        assert len(result) == width
        assert (from_bits(result) == expected % 2**width).all()


def test_highest_place_has_no_carry(rng: np.random.Generator) -> None:
    rows = [{place: rng.integers(0, 2, 8).astype(bool) for place in range(4)} for _ in range(4)]
    recorder = Recorder()
    add_rows(rows, 4, recorder)
    assert {"sum_1_3", "sum_2_3", "sum_3_3", "sum_m_3"} <= recorder.nets.keys()
    assert not {"carry_1_3", "carry_2_3", "carry_3_3", "carry_m_3"} & recorder.nets.keys()


@pytest.mark.parametrize(("a_bits", "b_bits"), [(1, 1), (4, 4), (3, 5), (5, 3), (4, 0)])
def test_ripple(a_bits: int, b_bits: int) -> None:
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(2**a_bits), np.arange(2**b_bits)))
    recorder = Recorder()
    result = ripple_add(word_bits(a, a_bits), word_bits(b, b_bits), "s", recorder)
    assert len(result) == max(a_bits, b_bits) + 1
    assert (from_bits(result) == a + b).all()
    overlap = min(a_bits, b_bits)
    places = range(max(a_bits, b_bits) if overlap else 0)
    assert list(recorder.nets) == [
        f"{net}_s_{place}" for place in places for net in ("sum", "carry")
    ]


def test_ripple_of_sums_that_lack_bits(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 16, (2, 32))
    longer = ripple_add(word_bits(a, 4), [], "s", Recorder())
    assert longer[-1] is None
    assert (from_bits(ripple_add(longer, word_bits(b, 4), "t", Recorder())) == a + b).all()
