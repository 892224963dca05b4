"""Inputs and results as bytes: against plain arithmetic, for beats and sums of every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.link.payload import (
    beat_bytes,
    input_operations,
    pack_inputs,
    sum_bytes,
    unpack_sums,
)

CONFIG = AcceleratorConfig()


@pytest.mark.parametrize("elements", [1, 2, 4, 8])
@pytest.mark.parametrize("bits", [3, 4, 5, 8])
def test_beats(bits: int, elements: int, rng: np.random.Generator) -> None:
    config = replace(CONFIG, operand_width=bits, input_elements=elements)
    inputs = rng.integers(0, 1 << bits, (3, 19)).astype(np.uint8)
    packed = pack_inputs(inputs, config)
    assert packed.shape == (3, -(-19 // elements), beat_bytes(config))
    for found, values in zip(packed, inputs.tolist(), strict=True):
        for beat, start in zip(found, range(0, 19, elements), strict=True):
            part = values[start : start + elements]
            expected = sum(value << bits * index for index, value in enumerate(part))
            assert int.from_bytes(beat.tobytes(), "little") == expected


def test_elements_that_are_too_large() -> None:
    config = replace(CONFIG, operand_width=4)
    with pytest.raises(ValueError, match=r"inputs are 0\.\.16, must be 0\.\.15"):
        pack_inputs(np.array([[0, 16]]), config)


def test_long_inputs_take_several_operations() -> None:
    beats = np.arange(2 * 600, dtype=np.uint16).astype(np.uint8).reshape(600, 2)
    whole = input_operations(beats)
    heads = [(0xC0, 255), (0xC0, 255), (0xC1, 87)]
    for index, (first, second) in enumerate(heads):
        part = beats[256 * index : 256 * (index + 1)].tobytes()
        assert whole[: 2 + len(part)] == bytes((first, second)) + part
        whole = whole[2 + len(part) :]
    assert whole == b""


@pytest.mark.parametrize("width", [12, 16, 17, 24, 32])
def test_sums(width: int, rng: np.random.Generator) -> None:
    size = sum_bytes(replace(CONFIG, accumulator_width=width, low_bits=8))
    assert size == (width + 7) // 8
    low, high = -(1 << width - 1), 1 << width - 1
    values = np.concatenate([[low, -1, 0, high - 1], rng.integers(low, high, 36)]).reshape(4, 10)
    raw = b"".join(int(value).to_bytes(size, "little", signed=True) for value in values.flat)
    assert np.array_equal(unpack_sums(np.frombuffer(raw, np.uint8).reshape(4, 10, size)), values)
