"""The typed result: totals, errors, what is selected, and where a model errs most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.report.units import MODELS, Measurement, Report
from tests.unit_reports import COUNTED, invented_report


def test_totals_and_errors() -> None:
    report = invented_report((4,))
    [item] = report.select(unit="mac_booth_4x4_into_24", group="mac", source="gaussian")
    assert item.total("formula") == 0.5 * 4**2 + 3 * 4 + 0.5 * 24
    assert item.total("counted") == pytest.approx(0.8 * item.total("formula"))
    assert item.error("formula") == pytest.approx(25)
    assert item.error("predicted") == pytest.approx(2)
    assert item.error("independent") == pytest.approx(10)
    adder = report.select(group="pann")[0]
    assert adder.independent is None and adder.error("independent") is None


def test_errors_are_signed() -> None:
    item = invented_report((2,)).measurements[0]
    low = replace(item, predicted={"inputs": 3.0, "internal": 0.6}, counted={"inputs": 4.0})
    assert low.error("predicted") == pytest.approx(-10)


def test_selection_by_attributes_and_parameters() -> None:
    report = invented_report()
    found = report.select(group="mac", kind="array", width=24, bits=4)
    assert [item.source for item in found] == list(COUNTED)
    assert {item.unit for item in found} == {"mac_array_4x4_into_24"}
    assert report.select(group="mac", kind="wallace") == []
    assert report.select(nothing=1) == []
    assert len(report.select()) == len(report.measurements)


def test_labels_tell_narrow_operands_from_wide_ones() -> None:
    report = invented_report()
    labels = {
        bits: {item.label for item in report.select(group="unequal", kind="array", bits=bits)}
        for bits in report.bits
    }
    assert labels == {
        2: {"mac_array_8x2_into_24", "mac_array_8x8_into_24, 2-bit w"},
        4: {"mac_array_8x4_into_24", "mac_array_8x8_into_24, 4-bit w"},
        8: {"mac_array_8x8_into_24"},
    }


def test_worst_is_the_largest_error_of_either_sign() -> None:
    report = invented_report((2,))
    changed: list[Measurement] = list(report.measurements)
    changed[7] = replace(changed[7], predicted={"inputs": 0.9 * changed[7].total("counted")})
    worst = replace(report, measurements=tuple(changed)).worst("predicted")
    assert worst is changed[7]
    empty = Report((2,), (16,), 2.0, ("uniform",), "digits", 0, ())
    assert all(empty.worst(model) is None for model in MODELS)
