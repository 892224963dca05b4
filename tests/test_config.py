"""The accelerator's configuration: ranges, files and fingerprint."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

OTHER: dict[str, int | str] = {
    "layer_kinds": "linear",
    "lanes": 16,
    "cores": 2,
    "lane": "unary",
    "rails": 2,
    "terms_per_rail": 2,
    "accumulator": "signed",
    "operand_width": 7,
    "max_shift": 7,
    "multiplier_width": 4,
    "accumulator_width": 21,
    "low_bits": 4,
    "banks": 4,
    "window_slots": 8,
    "activation_words": 2048,
    "term_words": 512,
    "descriptor_words": 512,
    "weight_words": 64,
    "weight_width": 5,
    "requantise_lanes": 4,
    "input_elements": 8,
    "register_stages": 1,
}
"""A value of every parameter that is not its default."""


def test_other_values_cover_every_parameter() -> None:
    assert set(OTHER) == {field.name for field in fields(AcceleratorConfig)}
    assert all(getattr(AcceleratorConfig(), name) != value for name, value in OTHER.items())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lanes": 12}, "lanes = 12: must be one of 4, 8, 16, 32, 64"),
        ({"lanes": "8"}, "lanes = '8': must be one of"),
        ({"lanes": 8.0}, "lanes = 8.0: must be one of"),
        ({"rails": True, "lane": "unary"}, "rails = True: must be one of"),
        ({"rails": 3}, "rails = 3: must be one of 1, 2"),
        ({"lane": "fma"}, "lane = 'fma': must be one of unary, csd, mac, signed_mac"),
        ({"terms_per_rail": 3}, "terms_per_rail = 3: must be one of 1, 2"),
        ({"banks": 3}, "banks = 3: must be one of 1, 2, 4"),
        ({"window_slots": 2}, "window_slots = 2: must be one of 4, 8, 16"),
        ({"max_shift": 0}, "max_shift = 0: must be one of 1, 3, 7"),
        (
            {"lane": "mac", "multiplier_width": 9},
            r"multiplier_width = 9: must be 2\.\.8, or be left",
        ),
        ({"multiplier_width": 1}, r"multiplier_width = 1: must be 2\.\.8"),
        ({"lane": "mac", "multiplier_width": True}, "multiplier_width = True: must be"),
        (
            {"lane": "mac", "weight_words": 64},
            "weight_words = 64: lanes of kind mac have no columns of weights; use weight_words = 0",
        ),
        (
            {"lane": "signed_mac", "layer_kinds": "linear"},
            "layer_kinds = linear: lanes of kind signed_mac have no columns of weights",
        ),
        (
            {"lane": "mac", "rails": 2, "terms_per_rail": 1, "accumulator_width": 17},
            "accumulator_width = 17: must be at least 18 for 2 terms of 16 bits",
        ),
        ({"cores": 0}, r"cores = 0: must be 1\.\.16"),
        ({"cores": 17}, r"cores = 17: must be 1\.\.16"),
        ({"cores": True}, r"cores = True: must be 1\.\.16"),
        ({"cores": 2.0}, r"cores = 2.0: must be 1\.\.16"),
        ({"operand_width": 9}, r"operand_width = 9: must be 2\.\.8"),
        ({"layer_kinds": "pool"}, "layer_kinds = 'pool': must be one of all, linear"),
        ({"weight_words": 65537}, r"weight_words = 65537: must be 0\.\.65536"),
        ({"weight_words": -1}, r"weight_words = -1: must be 0\.\.65536"),
        ({"weight_width": 1}, r"weight_width = 1: must be 2\.\.9"),
        ({"weight_width": 10}, r"weight_width = 10: must be 2\.\.9"),
        (
            {"operand_width": 4, "weight_width": 6},
            r"weight_width = 6: must be at most operand_width \+ 1 = 5",
        ),
        (
            {"layer_kinds": "linear"},
            'weight_words = 0: layer_kinds = "linear" needs columns of weights, at least 1',
        ),
        (
            {"lanes": 64, "weight_width": 8, "weight_words": 8193},
            "weight_words = 8193: must be at most 8192 for 64 lanes of 8 bits",
        ),
        ({"accumulator_width": 33}, r"accumulator_width = 33: must be 12\.\.32"),
        ({"low_bits": 0}, r"low_bits = 0: must be 1\.\.32"),
        ({"activation_words": 65537}, r"activation_words = 65537: must be 16\.\.65536"),
        ({"term_words": 15}, r"term_words = 15: must be 16\.\.131072"),
        ({"descriptor_words": None}, r"descriptor_words = None: must be 64\.\.65536"),
        (
            {"banks": 4, "window_slots": 4},
            "window_slots = 4: must be at least two for each of 4 banks; lower banks",
        ),
        (
            {"banks": 4, "activation_words": 1026},
            "activation_words = 1026: must be a multiple of banks = 4",
        ),
        ({"register_stages": 2}, "register_stages = 2: must be one of 0, 1"),
        ({"input_elements": 16}, "input_elements = 16: must be one of 1, 2, 4, 8"),
        (
            {"lanes": 4, "input_elements": 8},
            "input_elements = 8: must be at most lanes = 4",
        ),
        (
            {"requantise_lanes": 32},
            "requantise_lanes = 32: must be one of 1, 2, 4, 8, 16 for 8 lanes and 2 banks, or be",
        ),
        ({"lanes": 64, "requantise_lanes": 4}, "requantise_lanes = 4: must be one of 8, 16, 32"),
        ({"requantise_lanes": 12}, "requantise_lanes = 12: must be one of 1, 2, 4, 8, 16"),
        ({"requantise_lanes": 8.0}, r"requantise_lanes = 8\.0: must be one of 1, 2, 4, 8, 16"),
        ({"low_bits": 25}, "low_bits = 25: must be at most accumulator_width = 24"),
        (
            {"max_shift": 7, "accumulator_width": 15, "terms_per_rail": 2},
            "accumulator_width = 15: must be at least 16 for 2 terms of 15 bits",
        ),
        (
            {"max_shift": 7, "accumulator_width": 16, "rails": 2},
            "accumulator_width = 16: must be at least 17 for 2 terms of 15 bits",
        ),
        ({"accumulator": "wide"}, "accumulator = 'wide': must be one of signed, unsigned, or be"),
        ({"accumulator": 1}, "accumulator = 1: must be one of signed, unsigned, or be left out"),
        (
            {"accumulator": "unsigned", "rails": 2},
            "rails = 2: not with unsigned accumulators; use rails = 1, or accumulator = signed",
        ),
        (
            {"accumulator": "unsigned", "weight_words": 64},
            "weight_words = 64: not with unsigned accumulators; use weight_words = 0, or",
        ),
        (
            {"accumulator": "unsigned", "lane": "signed_mac"},
            "lane = signed_mac: not with unsigned accumulators; use lane = mac, or",
        ),
    ],
)
def test_values_out_of_range(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        AcceleratorConfig.of(values, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rails", [1, 2])
@pytest.mark.parametrize("terms_per_rail", [1, 2])
@pytest.mark.parametrize(("lane", "max_shift"), [("unary", 7), ("csd", 1), ("csd", 3), ("csd", 7)])
def test_derived_widths(lane: str, max_shift: int, terms_per_rail: int, rails: int) -> None:
    config = AcceleratorConfig(
        lane=lane, max_shift=max_shift, terms_per_rail=terms_per_rail, rails=rails
    )
    assert config.shift == (0 if lane == "unary" else max_shift)
    assert config.term_width == 8 + config.shift
    assert config.terms == rails * terms_per_rail
    # The sum of all terms of a cycle, all of one sign or the other, just fits.
    assert config.unsigned == (rails == 1)
    extreme = config.terms * (255 << config.shift)
    assert extreme < 2 ** (config.step_width - (not config.unsigned))
    assert extreme >= 2 ** (config.step_width - 1 - (not config.unsigned))


@pytest.mark.parametrize("banks", [1, 2, 4])
def test_words_are_shared_among_banks(banks: int) -> None:
    config = AcceleratorConfig(banks=banks, activation_words=1000)
    assert config.bank_words * banks == 1000


@pytest.mark.parametrize(
    ("lanes", "parts", "words"), [(None, 1, 1), (4, 8, 1), (16, 2, 1), (32, 1, 1), (128, 1, 4)]
)
def test_what_is_requantised_at_a_time(lanes: int | None, parts: int, words: int) -> None:
    config = AcceleratorConfig(lanes=32, banks=4, requantise_lanes=lanes)
    assert (config.parts, config.requantisers) == (parts, words)
    assert config.part_lanes * config.parts == 32
    assert config.halves == (parts == 1)


def test_as_many_as_lanes_is_the_default() -> None:
    """One hardware has one fingerprint, and the default follows the number of lanes."""
    config = AcceleratorConfig(lanes=8, requantise_lanes=8)
    assert config == AcceleratorConfig(lanes=8)
    assert config.fingerprint == AcceleratorConfig(lanes=8).fingerprint
    assert replace(config, lanes=32).part_lanes == 32


def test_unsigned_accumulators_are_the_default() -> None:
    """Where there can be any; one hardware has one fingerprint."""
    for values in ({}, {"lane": "unary"}, {"lane": "mac"}, {"rails": 2}, {"weight_words": 64}):
        config = AcceleratorConfig.of(values, "test")
        assert config.unsigned == (not {"rails", "weight_words"} & set(values))
        kinds = ("unsigned", "signed") if config.unsigned else ("signed",)
        same, *other = [AcceleratorConfig.of(values | {"accumulator": k}, "test") for k in kinds]
        assert same == config and same.fingerprint == config.fingerprint
        assert all(one.fingerprint != config.fingerprint for one in other)
    # What follows from other parameters follows them.
    assert not replace(AcceleratorConfig(), rails=2).unsigned
    assert replace(AcceleratorConfig(rails=2), rails=1).unsigned


def test_multipliers() -> None:
    """One hardware has one fingerprint; lanes without a multiplier have none of its width."""
    assert AcceleratorConfig(lane="mac") == AcceleratorConfig(lane="mac", multiplier_width=8)
    assert AcceleratorConfig(multiplier_width=5) == AcceleratorConfig()
    # The sum of all terms of a cycle, all of them the largest, just fits.
    for rails in (1, 2):
        for width in range(2, 9):
            config = AcceleratorConfig(
                lane="mac", multiplier_width=width, rails=rails, terms_per_rail=1
            )
            assert config.factor_bits == width
            signs = not config.unsigned
            assert rails * 255 * (2**width - 1) < 2 ** (config.step_width - signs)
            config = AcceleratorConfig(
                lane="signed_mac", multiplier_width=width, rails=rails, terms_per_rail=1
            )
            assert config.factor_bits == width - 1
            assert rails * 255 * 2 ** (width - 1) <= 2 ** (config.step_width - 1)


def test_accumulators_without_gate() -> None:
    config = AcceleratorConfig(accumulator_width=20, low_bits=20)
    assert AcceleratorConfig.of({"accumulator_width": 20, "low_bits": 20}, "test") == config


def test_round_trip(tmp_path: Path) -> None:
    config = AcceleratorConfig.of(OTHER, "test")
    config.save(tmp_path / "config.json")
    assert AcceleratorConfig.load(tmp_path / "config.json") == config


def test_parameters_left_out_have_their_default(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"cores": 2}')
    assert AcceleratorConfig.load(tmp_path / "config.json") == AcceleratorConfig(cores=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"cores": 2', "not a configuration in JSON"),
        (b"\xff\xfe\x00", "not a configuration in JSON"),
        (b"[4, 8]", r"unknown parameters \[4, 8\]; known are layer_kinds, lanes, cores"),
        (
            b'{"core": 2, "lanes": 8}',
            r"unknown parameters \['core'\]; known are layer_kinds, lanes, cores",
        ),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        AcceleratorConfig.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: not a configuration"):
        AcceleratorConfig.load(tmp_path / "none.json")


@pytest.mark.parametrize("lanes", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("weight_width", [2, 3, 4, 5, 8])
def test_columns_take_whole_words(lanes: int, weight_width: int) -> None:
    config = AcceleratorConfig(lanes=lanes, weight_width=weight_width, weight_words=1)
    assert config.linear and not AcceleratorConfig().linear
    assert config.largest_weight == 2 ** (weight_width - 1) - 1
    words = config.column_words
    assert words & words - 1 == 0
    assert 32 * words >= lanes * weight_width > 16 * words or words == 1
    # As many as the loader can address.
    most = min(2**17 // words, 65536)
    replace(config, weight_words=most)
    if most < 65536:
        with pytest.raises(InputError, match=f"must be at most {most} for {lanes} lanes"):
            replace(config, weight_words=most + 1)


def test_every_parameter_is_in_the_fingerprint() -> None:
    # Hardware for linear layers alone needs columns.
    given: dict[str, object] = {"lane": "unary", "weight_words": 32}
    base = AcceleratorConfig.of(given, "test")
    prints = {base.fingerprint, AcceleratorConfig(accumulator="signed").fingerprint}
    for name, value in OTHER.items():
        prints.add(AcceleratorConfig.of(given | {name: value}, "test").fingerprint)
    # OTHER's lane is that of ``base``, which has no multiplier, and its accumulators are signed.
    assert len(prints) == len(OTHER) - 1
    prints |= {
        AcceleratorConfig(lane=lane, multiplier_width=width).fingerprint
        for lane in ("mac", "signed_mac")
        for width in range(2, 9)
    }
    assert len(prints) == len(OTHER) - 1 + 14
    assert AcceleratorConfig().fingerprint not in prints
    assert AcceleratorConfig.of(given, "test").fingerprint == base.fingerprint
    assert all(0 <= value < 2**32 for value in prints)
