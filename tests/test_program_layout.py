"""Records of the program format: what is packed comes out again, nothing else is packed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    PASS,
    PASS_WORDS,
    POINT_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    Fields,
    directory_stride,
    pack,
    pack_words,
    term_fields,
    unpack_array,
)

CONFIGS = [
    AcceleratorConfig(lane=lane, rails=rails, max_shift=shift, window_slots=slots, cores=cores)
    for (lane, rails), shift, slots, cores in product(
        (("csd", 2), ("unary", 2), ("unary", 1)), (1, 3, 7), (2, 4, 8), (1, 3, 16)
    )
]


def random_values(fields: Fields, rng: np.random.Generator) -> dict[str, int]:
    return {name: int(rng.integers(0, 2**width)) for name, width in fields.items()}


@pytest.mark.parametrize("fields", [PASS, SEGMENT, CORE], ids=["pass", "segment", "core"])
def test_words_hold_the_fields_lowest_first(fields: Fields, rng: np.random.Generator) -> None:
    for _ in range(50):
        values = random_values(fields, rng)
        words = pack_words(fields, values)
        assert all(0 <= word < 2**32 for word in words)
        bits = "".join(f"{word:032b}"[::-1] for word in words)
        position = 0
        for name, width in fields.items():
            assert int(bits[position : position + width][::-1], 2) == values[name], name
            position += width
        assert position == len(bits)


@pytest.mark.parametrize(
    ("fields", "words"), [(PASS, PASS_WORDS), (SEGMENT, SEGMENT_WORDS), (CORE, CORE_WORDS)]
)
def test_records_are_whole_words(fields: Fields, words: int) -> None:
    assert sum(fields.values()) == 32 * words


def test_terms_round_trip(rng: np.random.Generator) -> None:
    for config in CONFIGS:
        fields = term_fields(config)
        assert sum(fields.values()) <= 16
        assert ("shift" in fields) == (config.lane == "csd")
        assert ("subtract" in fields) == (config.rails == 1)
        records = [random_values(fields, rng) for _ in range(40)]
        packed = np.array([pack(fields, record) for record in records], np.uint16)
        for name, values in unpack_array(fields, packed).items():
            assert values.dtype == np.int64
            assert values.tolist() == [record[name] for record in records], name


def test_terms_hold_the_largest_values() -> None:
    for config in CONFIGS:
        fields = term_fields(config)
        assert 2 ** fields["advance"] == config.window_slots
        assert 2 ** fields["offset"] > 2
        assert not config.shift or 2 ** fields["shift"] > config.shift


def test_fields_left_out_are_zero() -> None:
    assert pack(PASS, {}) == 0
    assert pack(PASS, {"raw": 1}) == 4


@pytest.mark.parametrize("value", [-1, 256])
def test_values_are_checked(value: int) -> None:
    with pytest.raises(ValueError, match=rf"field 'q_max': {value}, must be 0\.\.255"):
        pack(PASS, {"q_max": value})


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match=r"unknown fields \['colour'\], the record has \['bias'"):
        pack(CORE, {"colour": 1})


def test_directory_entries_do_not_overlap() -> None:
    for config in CONFIGS:
        stride = directory_stride(config)
        needed = POINT_WORDS + config.cores * config.rails
        assert needed <= stride < 2 * needed
        assert stride & stride - 1 == 0
