"""The method's claims, on numbers whose savings are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.report.unit_claims import narrowed, signed_savings, weights
from pann_hw.report.units import Report
from tests.unit_reports import COUNTED, invented_report


def test_formula_reproduces_the_published_savings() -> None:
    """58, 44 and 33 per cent at 2, 3 and 4 bits, where B = 32."""
    report = invented_report((2, 3, 4))
    wide = [
        replace(item, parameters={**item.parameters, "width": 32}, formula={
            **item.formula, "accumulator_input": 16.0 if item.parameters["kind"] != "array"
            else float(item.bits)})
        for item in report.select(group="mac", width=24)
    ]  # fmt: skip
    found = signed_savings(replace(report, widths=(32,), measurements=tuple(wide)))
    assert len(found) == 2 * 3 * 4
    for item in found:
        assert round(item.formula) == {2: 58, 3: 44, 4: 33}[item.bits], item


def test_savings_compare_the_same_widths_and_data() -> None:
    report = invented_report((2, 5))
    for item in signed_savings(report):
        b, width = item.bits, item.width
        expected = 100 * (1 - (0.5 * b**2 + 4 * b) / (0.5 * b**2 + 3 * b + 0.5 * width))
        assert item.formula == pytest.approx(expected)
        assert item.counted == pytest.approx(expected)
        assert item.predicted == pytest.approx(expected)
    keys = [(item.bits, item.width, item.kind, item.source) for item in signed_savings(report)]
    assert len(keys) == len(set(keys)) == 2 * 2 * 2 * 4


def test_narrowed_operands_have_their_own_counts() -> None:
    report = invented_report()
    marked = tuple(
        replace(item, counted={"internal": 1000 + item.bits})
        if item.group == "unequal" and item.label != item.unit
        else item
        for item in report.measurements
    )
    found = narrowed(replace(report, measurements=marked))
    assert {(item.kind, item.w_bits) for item in found} == {
        (kind, bits) for kind in ("array", "baugh_wooley", "booth") for bits in (2, 4, 8)
    }
    for item in found:
        signed = item.kind != "array"
        accumulate = 0.5 * 24 + 8 + item.w_bits if signed else 1.5 * (8 + item.w_bits)
        formula = 0.5 * 8**2 + 0.5 * (8 + item.w_bits) + accumulate
        assert item.formula == pytest.approx(formula)
        assert item.cut == pytest.approx(COUNTED[item.source] * formula)
        assert item.kept == pytest.approx(item.cut if item.w_bits == 8 else 1000 + item.w_bits)


def test_pann_adders_by_variant() -> None:
    found = weights(invented_report((3,)))
    assert {item.variant for item in found} == {
        f"{rails}, {terms}{gated}"
        for rails in ("one rail", "two rails")
        for terms in ("unary", "CSD")
        for gated in ("", ", gated")
    }
    for item in found:
        if "unary" in item.variant:
            assert item.formula == pytest.approx((2 + 0.5) * 3)
        assert item.counted == pytest.approx(COUNTED[item.source] * item.formula)


def test_reports_without_the_units_make_no_claims() -> None:
    full = invented_report((2,))
    for group in ("multiplier", "residual"):
        rest = replace(full, measurements=tuple(full.select(group=group)))
        assert not signed_savings(rest) and not narrowed(rest) and not weights(rest)
    only_signed = [item for item in full.select(group="mac") if "array" not in item.unit]
    assert not signed_savings(replace(full, measurements=tuple(only_signed)))
    assert not narrowed(Report((2,), (16,), 2.0, ("uniform",), "digits", 0, ()))
