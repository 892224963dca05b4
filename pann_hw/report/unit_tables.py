"""Tables of a report on units, as text in rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pann_hw.report.unit_claims import narrowed, signed_savings, weights
from pann_hw.report.units import MODELS, Measurement, Report

__all__ = ["Table", "claim_tables", "error_table", "group_tables", "summary"]

Cell = str


@dataclass(frozen=True)
class Table:
    """A title, headings, and rows of as many cells; the first column is text."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def group_tables(report: Report) -> list[Table]:
    """A table for each group: a row for each unit, counted flips for each kind of data."""
    groups = dict.fromkeys(item.group for item in report.measurements)
    return [_group_table(report, group) for group in groups]


def _group_table(report: Report, group: str) -> Table:
    units: dict[str, list[Measurement]] = {}
    for item in report.select(group=group):
        units.setdefault(item.label, []).append(item)
    return Table(
        f"{group}: flips per operation, by formula and as counted, with the error of the "
        f"prediction",
        ("unit", "formula", *report.sources),
        [
            (label, _flips(units[label][0].total("formula")), *_counted(report, units[label]))
            for label in _sorted(units)
        ],
    )


def _sorted(units: Mapping[str, Sequence[Measurement]]) -> list[str]:
    """Units of one kind together, those that differ in b alone side by side."""
    found: dict[str, dict[int, int]] = {}
    keys = {}
    for label, (item, *_) in units.items():
        # Numbers in a name are widths; the catalogue has other widths in the same order at every b.
        kind = re.sub(r"[np]?\d+", "#", item.unit)
        places = found.setdefault(kind, {})
        places[item.bits] = places.get(item.bits, -1) + 1
        keys[label] = (list(found).index(kind), places[item.bits], item.bits)
    return sorted(units, key=lambda label: keys[label])


def _counted(report: Report, items: Iterable[Measurement]) -> list[Cell]:
    cells = dict.fromkeys(report.sources, "-")
    for item in items:
        cells[item.source] = f"{_flips(item.total('counted'))} {_percent(item.error('predicted'))}"
    return list(cells.values())


def error_table(report: Report) -> Table:
    """The least and the greatest error of each model in each group."""
    rows = []
    for group in dict.fromkeys(item.group for item in report.measurements):
        cells = [group]
        for model in MODELS:
            found = [item.error(model) for item in report.select(group=group)]
            errors = [error for error in found if error is not None]
            cells.append(f"{min(errors):+.1f} .. {max(errors):+.1f}" if errors else "-")
        rows.append(cells)
    return Table(
        "Errors of the models over all widths and data, per cent of the counted flips",
        ("group", "formula", "words' statistics", "rates of bits alone"),
        rows,
    )


def summary(report: Report) -> list[str]:
    """What remains to be said in lines."""
    lines = []
    for model, words in (("predicted", "prediction"), ("formula", "closed formula")):
        item = report.worst(model)
        if item is not None:
            lines.append(
                f"Largest error of the {words}: {_percent(item.error(model))} "
                f"({item.unit}, {item.source} data)"
            )
    nets = sum(item.nets for item in report.measurements)
    bits = sum(item.net_bits for item in report.measurements)
    lines.append(f"{nets} nets of {bits} bits counted in Verilator and in software, 0 differences")
    return lines


def claim_tables(report: Report) -> list[Table]:
    """What the method claims, where the report has the units for it."""
    tables = (_savings_table(report), _narrowed_table(report), _weights_table(report))
    return [table for table in tables if table.rows]


def _savings_table(report: Report) -> Table:
    width = 32 if 32 in report.widths else max(report.widths)
    cells: dict[tuple[int, str], dict[str, Cell]] = {}
    for item in signed_savings(report):
        if item.bits <= 4 and item.width == width:
            row = cells.setdefault((item.bits, item.kind), {"formula": f"{item.formula:.0f} %"})
            row[item.source] = f"{item.counted:.0f} %"
    return Table(
        f"Saving of unsigned against signed MACs, B = {width}: by formula, and counted",
        ("signed MAC", "formula", *report.sources),
        [
            (f"{kind}, b = {bits}", row["formula"], *(row.get(n, "-") for n in report.sources))
            for (bits, kind), row in cells.items()
        ],
    )


def _narrowed_table(report: Report) -> Table:
    cells: dict[tuple[str, int, int], dict[str, Cell]] = {}
    for item in narrowed(report):
        row = cells.setdefault((item.kind, item.x_bits, item.w_bits), {})
        row["formula"] = _flips(item.formula)
        row[item.source] = f"{_flips(item.cut)} / {_flips(item.kept)}"
    return Table(
        "MACs with a narrow w: flips per product by formula; counted on a circuit cut to both "
        "widths / on the\nsquare one, where w stays narrow",
        ("multiplier", "formula", *report.sources),
        [
            (
                f"{kind} {x_bits} x {w_bits}",
                row["formula"],
                *(row.get(name, "-") for name in report.sources),
            )
            for (kind, x_bits, w_bits), row in sorted(cells.items())
        ],
    )


def _weights_table(report: Report) -> Table:
    cells: dict[tuple[str, int], dict[str, Cell]] = {}
    for item in weights(report):
        row = cells.setdefault((item.variant, item.bits), {"formula": f"{item.formula:.1f}"})
        row[item.source] = f"{_flips(item.counted)} {100 * item.counted / item.formula:.0f} %"
    order = list(dict.fromkeys(variant for variant, _ in cells))
    return Table(
        f"PANN at R = {report.additions:g}: flips per weight, by formula (R + 0.5) bx, with a CSD "
        f"weight's terms for R in CSD;\ncounted, and that in per cent of the formula",
        ("adder", "formula", *report.sources),
        [
            (f"{variant}, bx = {bits}", row["formula"], *(row.get(n, "-") for n in report.sources))
            for (variant, bits), row in sorted(
                cells.items(), key=lambda cell: (order.index(cell[0][0]), cell[0][1])
            )
        ],
    )


def _flips(value: float) -> str:
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f} %"
