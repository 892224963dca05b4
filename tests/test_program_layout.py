"""Records of the program format: what is packed comes out again, nothing else is packed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    NO_TERM,
    PASS,
    PASS_WORDS,
    POINT,
    POINT_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    Fields,
    ahead_bits,
    bundle_fields,
    bundle_words,
    directory_stride,
    pack,
    pack_words,
    unpack,
    used_pass,
    used_segment,
)

CONFIGS = [
    AcceleratorConfig(
        lane=lane,
        rails=rails,
        terms_per_rail=terms,
        max_shift=shift,
        window_slots=slots,
        cores=cores,
    )
    for lane, rails, terms, shift, slots, cores in product(
        ("csd", "unary"), (1, 2), (1, 2), (1, 3, 7), (4, 8, 16), (1, 3, 16)
    )
]


def random_values(fields: Fields, rng: np.random.Generator) -> dict[str, int]:
    return {name: int(rng.integers(0, 2**width)) for name, width in fields.items()}


RECORDS = {"pass": PASS, "segment": SEGMENT, "core": CORE, "point": POINT}


@pytest.mark.parametrize("fields", RECORDS.values(), ids=RECORDS)
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
        whole = sum(word << 32 * index for index, word in enumerate(words))
        assert whole == pack(fields, values)
        assert unpack(fields, whole) == values


@pytest.mark.parametrize(
    ("fields", "words"),
    [(PASS, PASS_WORDS), (SEGMENT, SEGMENT_WORDS), (CORE, CORE_WORDS), (POINT, POINT_WORDS)],
)
def test_records_are_whole_words(fields: Fields, words: int) -> None:
    assert sum(fields.values()) == 32 * words


def test_bundles_round_trip(rng: np.random.Generator) -> None:
    for config in CONFIGS:
        fields = bundle_fields(config)
        assert sum(name.startswith("offset") for name in fields) == config.terms
        assert ("factor0" in fields) == (config.lane != "unary")
        for _ in range(20):
            record = random_values(fields, rng)
            word = pack(fields, record)
            assert unpack(fields, word) == record
            assert word < 2 ** (32 * bundle_words(config))


def test_bundles_hold_the_largest_values() -> None:
    for config in CONFIGS:
        fields = bundle_fields(config)
        assert 2 ** fields["advance"] == config.window_slots
        for term in range(config.terms):
            assert 2 ** fields[f"offset{term}"] > NO_TERM > 2
            assert fields[f"ahead{term}"] == ahead_bits(config)
            assert not config.shift or 2 ** fields[f"factor{term}"] > config.shift


def test_bundles_take_one_word_or_two() -> None:
    sizes = {bundle_words(config) for config in CONFIGS}
    assert sizes == {1, 2}
    for config in CONFIGS:
        bits = sum(bundle_fields(config).values())
        assert 32 * (bundle_words(config) - 1) < bits <= 32 * bundle_words(config)


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
        needed = POINT_WORDS + config.cores
        assert needed <= stride < 2 * needed
        assert stride & stride - 1 == 0


@pytest.mark.parametrize("lanes", [4, 64])
def test_used_bits_hold_what_programs_have(lanes: int) -> None:
    config = AcceleratorConfig(lanes=lanes, banks=4, window_slots=8, cores=3, operand_width=5)
    for fields, used in ((PASS, used_pass(config)), (SEGMENT, used_segment(config))):
        assert list(used) == list(fields)
        assert all(0 <= used[name] <= width for name, width in fields.items())
    item, segment = used_pass(config), used_segment(config)
    assert config.cores < 1 << item["cores"]
    assert config.lanes < 1 << item["strips"] == 1 << segment["columns"]
    assert config.banks == 1 << item["bank"]
    assert 2 * config.window_slots == 1 << item["windows"] == 1 << item["pass_windows"]
    assert item["q_max"] == segment["pad_value"] == 5
    # All of a bank may be one channel, and a range may end behind it.
    assert config.bank_words < 1 << item["output_base"] == 1 << segment["pitch"]


def test_unused_bits() -> None:
    config = AcceleratorConfig(lanes=16, cores=1, banks=1, operand_width=4, requantise_lanes=4)
    item = used_pass(config)
    assert item["halve"] == item["linear"] == item["bank"] == 0
    assert item["pool"] == item["cores"] == 1
    linear = AcceleratorConfig(layer_kinds="linear", weight_words=16)
    assert used_pass(linear)["pool"] == 0
    assert used_pass(linear)["linear"] == 1


def test_sizes_of_the_largest_memory_stay_within_their_fields() -> None:
    config = AcceleratorConfig(banks=1, activation_words=65536)
    assert used_pass(config)["output_base"] == 16
