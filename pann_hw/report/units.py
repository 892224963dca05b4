"""The power models of arithmetic units held against counted toggles: the typed result.

A :class:`Report` is a list of measurements, one for each unit and kind of data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pann_hw.power.unit import Flips

__all__ = ["MODELS", "Measurement", "Report"]

MODELS = ("formula", "predicted", "independent")
"""The three models that are held against ``counted``."""


@dataclass(frozen=True)
class Measurement:
    """One unit on one kind of data: what each model says, and what was counted.

    All flips are per operation of the unit, by class of net.

    Attributes
    ----------
    bits : width of the operands, b; of the narrow one, w, where they differ
    group : what the unit is for, such as "mac"
    unit : its name; type : its class; parameters : what it was made of
    source : kind of data
    operations : how many were counted
    nets, net_bits : how many were compared between Verilator and software, all equal
    formula : the closed formula, of the widths alone
    predicted : from the statistics of each operand's words
    independent : the same where only the rates of each bit are known and bits are taken as
        independent; None for operands of more than 10 bits
    counted : toggles in Verilator
    """

    bits: int
    group: str
    unit: str
    type: str
    parameters: Mapping[str, Any]
    source: str
    operations: int
    nets: int
    net_bits: int
    formula: Flips
    predicted: Flips
    independent: Flips | None
    counted: Flips

    @property
    def label(self) -> str:
        """The unit's name, and how narrow an operand is that the unit has more bits for."""
        w_bits = self.parameters.get("w_bits", self.bits)
        return f"{self.unit}, {self.bits}-bit w" if w_bits > self.bits else self.unit

    def total(self, level: str) -> float:
        """Flips of all classes at a level: "formula", "predicted", "independent", "counted"."""
        flips: Flips = getattr(self, level)
        return sum(flips.values())

    def error(self, model: str) -> float | None:
        """A model's error, per cent of the counted total; None where the model says nothing."""
        if getattr(self, model) is None:
            return None
        counted = self.total("counted")
        return 100 * (self.total(model) - counted) / counted


@dataclass(frozen=True)
class Report:
    """All measurements of a run.

    Attributes
    ----------
    bits : widths of operands, b
    widths : of accumulators, B
    additions : PANN's R, additions per weight
    sources : kinds of data
    network : where recorded data come from
    seed : of all random data
    measurements : in the order of ``bits``, of the catalogue and of ``sources``
    """

    bits: tuple[int, ...]
    widths: tuple[int, ...]
    additions: float
    sources: tuple[str, ...]
    network: str
    seed: int
    measurements: tuple[Measurement, ...]

    def select(self, **wanted: object) -> list[Measurement]:
        """The measurements whose attributes or parameters have these values."""
        return [
            item
            for item in self.measurements
            if all(
                getattr(item, name, item.parameters.get(name)) == value
                for name, value in wanted.items()
            )
        ]

    def worst(self, model: str) -> Measurement | None:
        """Where a model's error is largest; None without measurements."""
        return max(
            (item for item in self.measurements if getattr(item, model) is not None),
            key=lambda item: abs(item.error(model) or 0),
            default=None,
        )
