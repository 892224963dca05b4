"""Reports on units as JSON: tables and plots are drawn again from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.report.unit_claims import narrowed, signed_savings, weights
from pann_hw.report.units import MODELS, Measurement, Report

__all__ = ["FORMAT", "from_dict", "load_report", "save_report", "to_dict"]

FORMAT = "pann-hw units 1"
"""Value of the key ``format``."""


def to_dict(report: Report) -> dict[str, object]:
    """A report as plain values.

    Keys
    ----
    format : "pann-hw units 1"
    bits, widths, additions, sources, network, seed : as in :class:`Report`
    summary : ``nets`` and ``bits`` that were compared between Verilator and software, their
        ``differences``, which is 0, and ``worst``: model -> ``error`` in per cent, ``unit`` and
        ``source`` where it is largest
    claims : ``signed_to_unsigned``, ``one_operand_narrowed`` and ``pann``, lists with the
        attributes of :class:`Saving`, :class:`Narrowed` and :class:`Weight` in
        :mod:`pann_hw.report.unit_claims`
    measurements : a list with the attributes of :class:`Measurement`, and ``errors``: model ->
        per cent of the counted total, null where the model says nothing
    """
    plain = asdict(report)
    rows = plain.pop("measurements")
    for item, row in zip(report.measurements, rows, strict=True):
        row["errors"] = {model: item.error(model) for model in MODELS}
    parts: dict[str, Sequence[Any]] = {
        "signed_to_unsigned": signed_savings(report),
        "one_operand_narrowed": narrowed(report),
        "pann": weights(report),
    }
    return {
        "format": FORMAT,
        **plain,
        "summary": _summary(report),
        "claims": {name: [asdict(item) for item in items] for name, items in parts.items()},
        "measurements": rows,
    }


def _summary(report: Report) -> dict[str, object]:
    worst = {model: report.worst(model) for model in MODELS}
    return {
        "nets": sum(item.nets for item in report.measurements),
        "bits": sum(item.net_bits for item in report.measurements),
        "differences": 0,
        "worst": {
            model: {"error": item.error(model), "unit": item.unit, "source": item.source}
            for model, item in worst.items()
            if item is not None
        },
    }


def from_dict(plain: Mapping[str, Any]) -> Report:
    """The report of which :func:`to_dict` made plain values."""
    values = {field.name: plain[field.name] for field in fields(Report)}
    rows = [
        Measurement(**{field.name: row[field.name] for field in fields(Measurement)})
        for row in values["measurements"]
    ]
    lists = {name: tuple(values[name]) for name in ("bits", "widths", "sources")}
    return Report(**{**values, **lists, "measurements": tuple(rows)})


def save_report(report: Report, path: Path) -> None:
    """Write a report as JSON.

    Raises
    ------
    InputError : the file cannot be written
    """
    with whole_file(path) as part:
        part.write_text(json.dumps(to_dict(report), indent=1) + "\n")


def load_report(path: Path) -> Report:
    """Read a report that :func:`save_report` wrote.

    Raises
    ------
    InputError : the file is missing or is no such report
    """
    try:
        plain = json.loads(path.read_text())
        found = plain["format"]
        if found == FORMAT:
            return from_dict(plain)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: is no report of pann-hw power units") from None
    raise InputError(f"{path}: format {found!r}, must be {FORMAT!r}: measure again")
