"""The lanes that are compared: each with a network, of widths that its lane takes."""

from __future__ import annotations

import pytest

from benchmarks.lanes_networks import COLUMNS
from benchmarks.lanes_trials import TrialLane
from benchmarks.lanes_variants import GROUPS, METHOD, VARIANTS, Variant
from pann_hw.program.encoding import create_encoding
from rtl_gen.lane import CsdLane, MacLane, SignedMacLane, UnaryLane
from rtl_gen.verilog import to_rtlil


def test_names_titles_and_groups() -> None:
    assert all(name == variant.name for name, variant in VARIANTS.items())
    titles = [(variant.group, variant.title) for variant in VARIANTS.values()]
    assert len(set(titles)) == len(titles)
    assert {group for group, _ in titles} == set(GROUPS)
    assert METHOD.everywhere


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_lane_takes_its_network(variant: Variant) -> None:
    settings = COLUMNS[variant.network].settings
    config = variant.config
    if config.multiplies:
        assert config.multiplier_width == settings["bits"]
        assert config.operand_width == settings.get("activation_bits", settings["bits"])
        assert config.signed == settings["signed"]
    else:
        assert settings["max_shift"] == (3 if config.lane == "csd" else 0)
        narrow = variant.name == "method-narrow"
        assert config.operand_width == (6 if narrow else settings.get("widest", 8))
    # Which raises where there is no such encoding.
    assert create_encoding(config, variant.encoding).terms(1)


def test_lanes_are_the_generators_where_it_has_them() -> None:
    kinds = {"unary": UnaryLane, "csd": CsdLane, "mac": MacLane, "signed_mac": SignedMacLane}
    chosen = {(v.config.lane, v.sums): v for v in VARIANTS.values()}
    assert {lane for lane, _ in chosen} == set(kinds)
    for (kind, sums), variant in chosen.items():
        lane = variant.lane(variant.sized(20))
        assert type(lane) is (TrialLane if sums else kinds[kind])
        to_rtlil(lane, "lane")


def test_accumulators_are_as_wide_as_sums_or_as_asked() -> None:
    for name, needed, width, low in (
        ("method", 19, 19, 8), ("method", 3, 12, 8), ("signed-8", 25, 25, 25),
        ("signed-2-wide", 25, 24, 24),
    ):  # fmt: skip
        config = VARIANTS[name].sized(needed)
        assert (config.accumulator_width, config.low_bits) == (width, low)
