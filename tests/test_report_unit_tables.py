"""Tables: every unit in its row, every number where it belongs."""

from __future__ import annotations

from dataclasses import replace

from pann_hw.report.unit_tables import claim_tables, error_table, group_tables, summary
from tests.unit_reports import invented_report


def test_a_row_for_each_unit_of_each_group() -> None:
    report = invented_report()
    tables = group_tables(report)
    assert len(tables) == len({item.group for item in report.measurements})
    labels = {(item.group, item.label) for item in report.measurements}
    assert sum(len(table.rows) for table in tables) == len(labels)
    for table in tables:
        assert list(table.headings) == ["unit", "formula", *report.sources]
        assert all(len(row) == len(table.headings) for row in table.rows)


def test_units_go_by_kind_then_accumulator_then_operands() -> None:
    tables = {table.title.split(":")[0]: table for table in group_tables(invented_report())}
    names = [row[0] for row in tables["mac"].rows]
    assert names[:6] == [f"mac_array_{b}x{b}_into_{width}" for width in (16, 24) for b in (2, 4, 8)]
    assert list(tables["mac"].rows[names.index("mac_array_4x4_into_16")][1:]) == [
        "24.00", "24.00 +2.0 %", "19.20 +2.0 %", "12.00 +2.0 %", "6.00 +2.0 %",
    ]  # fmt: skip
    assert [row[0].rsplit("_", 1)[0] for row in tables["requantiser"].rows] == [
        f"requantiser_{width}_to_{b}" for width in (16, 24) for b in (2, 4, 8)
    ]
    assert [row[0] for row in tables["unequal"].rows][5:10] == [
        "mac_baugh_wooley_8x2_into_24",
        "mac_baugh_wooley_8x4_into_24",
        "mac_baugh_wooley_8x8_into_24",
        "mac_baugh_wooley_8x8_into_24, 2-bit w",
        "mac_baugh_wooley_8x8_into_24, 4-bit w",
    ]


def test_missing_data_are_dashes() -> None:
    report = invented_report((2,))
    rest = tuple(item for item in report.measurements if item.source != "sparse")
    for table in group_tables(replace(report, measurements=rest)):
        assert all(row[4] == "-" for row in table.rows)


def test_errors_by_group() -> None:
    table = error_table(invented_report())
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["mac"] == ["+0.0 .. +300.0", "+2.0 .. +2.0", "+10.0 .. +10.0"]
    assert rows["pann"][2] == "-"


def test_claims() -> None:
    report = invented_report()
    savings, narrow, pann = claim_tables(report)
    assert [row[0] for row in savings.rows] == [
        f"{kind}, b = {b}" for b in (2, 4) for kind in ("baugh_wooley", "booth")
    ]
    assert list(savings.rows[0][1:]) == ["50 %"] * 5
    assert len(narrow.rows) == 9 and narrow.rows[0][0] == "array 8 x 2"
    assert narrow.rows[0][1:3] == ("52.00", "52.00 / 64.00")
    assert len(pann.rows) == 8 * 3
    assert pann.rows[0][0] == "one rail, unary, bx = 2"
    assert pann.rows[0][1] == "5.0"
    assert claim_tables(replace(report, measurements=())) == []


def test_summary_names_the_worst_and_what_was_compared() -> None:
    report = invented_report((2,))
    changed = list(report.measurements)
    changed[1] = replace(changed[1], predicted={"internal": 0.5 * changed[1].total("counted")})
    lines = summary(replace(report, measurements=tuple(changed)))
    assert lines[0] == (
        "Largest error of the prediction: -50.0 % (multiplier_array_2x2, gaussian data)"
    )
    assert "closed formula: +300.0 %" in lines[1]
    total = len(changed)
    assert lines[2].startswith(f"{3 * total} nets of {10 * total} bits")
    assert lines[2].endswith("0 differences")
