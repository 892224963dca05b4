"""Tables of lanes: ratios against what is asked, and a row for every lane."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.lanes_tables import ASKED, Asked, best_conventional, tables
from benchmarks.lanes_variants import VARIANTS
from tests.lane_tiles import MEASURED, found

ENERGIES = {
    "method": 1000.0, "mac_4x6_1": 1400.0, "mac_4x6_2": 1600.0, "mac_4x6_unsigned": 900.0,
    "signed_8": 5200.0, "signed_2": 800.0, "mac_2x2_1": 500.0,
}  # fmt: skip


def test_the_best_conventional_lane_is_accurate_and_signed() -> None:
    best = best_conventional(found(**ENERGIES), "sky130")
    assert best is not None and best.variant == "mac-2x2-1"
    given = found(**ENERGIES)
    wrong = replace(given, accuracies={**given.accuracies, "unsigned-2bit": 0.8749})
    best = best_conventional(wrong, "sky130")
    assert best is not None and best.variant == "mac-4x6-1"
    assert best_conventional(found(method=1.0), "sky130") is None


def test_ratios_are_shown_with_what_is_asked() -> None:
    given = found(**ENERGIES)
    accurate = replace(given, accuracies={**given.accuracies, "unsigned-2bit": 0.1})
    asked, networks, *lanes = tables(accurate)
    rows = {row[0]: row[1:] for row in asked.rows}
    assert rows["energy: best conventional lane, all tricks / method"] == ("at least 1.5", "(1.40)")
    assert rows["energy: plain signed 8-bit MAC / method"] == ("at least 5", "5.20")
    assert rows["energy: method / plain signed 2-bit MAC"] == ("at most 1", "(1.25)")
    assert rows["energy: two unsigned sums, CSD / method"] == ("-", "-")
    assert ("unsigned-2bit", "10.00") in networks.rows
    assert sum(len(table.rows) for table in lanes) == len(ENERGIES)


def test_a_row_has_all_figures() -> None:
    (lanes,) = tables(replace(found(method=1.0), results=[MEASURED]))[2:]
    assert lanes.title == "sky130: The method"
    assert lanes.rows == [
        (
            VARIANTS["method"].title, "0.95", "1000", "1.00", "2.1", "600", "350", "200", "150",
            "50", "1500", "2250",
        )
    ]  # fmt: skip
    assert len(lanes.headings) == len(lanes.rows[0])


@pytest.mark.parametrize("one", ASKED, ids=[one.title for one in ASKED])
def test_what_is_asked_is_of_lanes_that_there_are(one: Asked) -> None:
    for name in (one.over, one.under):
        assert name == "best" or name in VARIANTS
    assert one.figure in MEASURED.plain()


def test_everything_as_json() -> None:
    plain = json.loads(json.dumps(found(**ENERGIES).plain()))
    assert len(plain["results"]) == len(ENERGIES)
    ratios = {one["title"]: one["found"]["sky130"] for one in plain["asked"]}
    assert ratios["energy: plain signed 8-bit MAC / method"] == pytest.approx(5.2)
