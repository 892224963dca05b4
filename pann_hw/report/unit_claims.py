"""What the method claims of its units, read off a report: by formula, by model, by count."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.report.units import Measurement, Report

__all__ = ["Narrowed", "Saving", "Weight", "narrowed", "signed_savings", "weights"]


@dataclass(frozen=True)
class Saving:
    """What a MAC saves where its operands become unsigned, per cent of the signed MAC's flips.

    Attributes
    ----------
    bits, width : of operands, b, and accumulator, B
    kind : of the signed multiplier; the unsigned one is the array
    source : kind of data
    formula, predicted, counted : the saving by each
    """

    bits: int
    width: int
    kind: str
    source: str
    formula: float
    predicted: float
    counted: float


@dataclass(frozen=True)
class Narrowed:
    """What a MAC flips where one operand, w, is narrower than the other, x.

    Attributes
    ----------
    kind : of the multiplier
    x_bits, w_bits : widths of the operands
    width : of the accumulator
    source : kind of data
    formula : flips per product by formula
    cut : counted on a circuit that is cut to both widths
    kept : counted on the circuit of two operands of ``x_bits``, one of which stays narrow
    """

    kind: str
    x_bits: int
    w_bits: int
    width: int
    source: str
    formula: float
    cut: float
    kept: float


@dataclass(frozen=True)
class Weight:
    """What a PANN adder flips per weight.

    Attributes
    ----------
    unit, variant : its name, with and without the widths
    bits : of activations, bx
    source : kind of data
    formula, predicted, counted : flips per weight; the formula is ``(R + 0.5) bx``
    """

    unit: str
    variant: str
    bits: int
    source: str
    formula: float
    predicted: float
    counted: float


def signed_savings(report: Report) -> list[Saving]:
    """Signed against unsigned MACs of equal widths, in the report's order."""
    found = []
    for signed in report.select(group="mac", type="Mac"):
        kind, width = signed.parameters["kind"], signed.parameters["width"]
        if kind == "array":
            continue
        for unsigned in report.select(
            group="mac", type="Mac", bits=signed.bits, source=signed.source, kind="array",
            width=width,
        ):  # fmt: skip
            formula, predicted, counted = (
                100 * (1 - unsigned.total(level) / signed.total(level))
                for level in ("formula", "predicted", "counted")
            )
            found.append(
                Saving(signed.bits, width, kind, signed.source, formula, predicted, counted)
            )
    return found


def narrowed(report: Report) -> list[Narrowed]:
    """MACs cut to unequal widths, each beside the uncut one with the same operands.

    The last of each kind are cut to nothing: both operands are wide.
    """
    found = []
    for cut in report.select(group="unequal"):
        x_bits, w_bits = cut.parameters["x_bits"], cut.parameters["w_bits"]
        kind, width = cut.parameters["kind"], cut.parameters["width"]
        square = report.select(
            group="unequal", source=cut.source, kind=kind, width=width, x_bits=x_bits, w_bits=x_bits
        )
        flips = {item.bits: item.total("counted") for item in square}
        if w_bits == cut.bits and w_bits in flips:
            formula, counted = cut.total("formula"), cut.total("counted")
            found.append(
                Narrowed(kind, x_bits, w_bits, width, cut.source, formula, counted, flips[w_bits])
            )
    return found


def weights(report: Report) -> list[Weight]:
    """Every PANN adder on every kind of data."""
    return [
        Weight(
            item.unit,
            _variant(item),
            item.bits,
            item.source,
            item.total("formula"),
            item.total("predicted"),
            item.total("counted"),
        )
        for item in report.select(group="pann")
    ]


def _variant(adder: Measurement) -> str:
    given = adder.parameters
    words = [
        "one rail" if given["rails"] == 1 else "two rails",
        "CSD" if given["max_shift"] else "unary",
    ]
    return ", ".join([*words, "gated"] if given["low_bits"] else words)
