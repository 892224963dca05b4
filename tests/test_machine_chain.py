"""Flips of a chain of values against counting them one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pann_hw.machine.chain import Chain, bit_flips


def counted(values: list[int]) -> int:
    """Bits that change from value to value."""
    return sum((a ^ b).bit_count() for a, b in pairwise(values))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_flips_along_the_steps(dtype: type[np.unsignedinteger], rng: np.random.Generator) -> None:
    largest = np.iinfo(dtype).max
    values = rng.integers(0, largest, (3, 7, 2, 5), dtype, endpoint=True)
    expected = [
        sum(counted([int(v) for v in values[image, :, i, j]]) for i in range(2) for j in range(5))
        for image in range(3)
    ]
    assert bit_flips(values).tolist() == expected
    assert bit_flips(values[:, :1]).tolist() == [0, 0, 0]


def test_inferences_one_after_another(rng: np.random.Generator) -> None:
    """Pieces pushed batch by batch, some the same for all images, count as one long sequence."""
    for _ in range(50):
        batch, lanes = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        pieces = [
            rng.integers(
                0,
                256,
                (1 if rng.random() < 0.3 else batch, int(rng.integers(0, 4)), lanes),
                np.uint8,
            )
            for _ in range(int(rng.integers(1, 6)))
        ]
        initial = rng.integers(0, 256, lanes, np.uint8)
        chain = Chain(batch)
        for piece in pieces:
            chain.push(piece)
        flips, left = chain.close(initial)

        before = initial.tolist()
        for image in range(batch):
            steps = [
                step
                for piece in pieces
                for step in np.broadcast_to(piece, (batch, *piece.shape[1:]))[image].tolist()
            ]
            total = 0
            for step in steps:
                total += sum((a ^ b).bit_count() for a, b in zip(before, step, strict=True))
                before = step
            assert flips[image] == total
        assert np.broadcast_to(left, lanes).tolist() == before


def test_a_chain_without_values_keeps_what_it_found() -> None:
    chain = Chain(2)
    chain.push(np.zeros((2, 0, 3), np.uint8))
    flips, left = chain.close(5)
    assert flips.tolist() == [0, 0]
    assert left == 5
