"""The points of a sweep: what is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.quantise.budget import WIDTHS, mac_flips

__all__ = ["Figures", "Outcome", "Point", "budget_name"]


def budget_name(budget: float) -> str:
    """The name that parse_budget() takes where there is one, else the flips: 2bit, 12.5flips."""
    for bits in WIDTHS:
        if mac_flips(bits) == budget:
            return f"{bits}bit"
    return f"{budget:g}flips"


@dataclass(frozen=True)
class Point:
    """One network to be made.

    Attributes
    ----------
    encoding : name of a kind in :data:`pann_hw.sweep.kinds.KINDS`
    budget : flips per MAC; None where the kind takes none
    bits : width of all hidden activations, None: each value's by sensitivity
    """

    encoding: str
    budget: float | None
    bits: int | None

    @property
    def label(self) -> str:
        """Short text without the encoding, such as ``2bit b5``."""
        budget = [] if self.budget is None else [budget_name(self.budget)]
        return " ".join(budget + ([] if self.bits is None else [f"b{self.bits}"]))

    @property
    def name(self) -> str:
        """Name of its files, such as ``csd-2bit-b5``."""
        return "-".join([self.encoding, *self.label.split()])


@dataclass(frozen=True)
class Figures:
    """What was measured of a network.

    Attributes
    ----------
    bx : width of hidden activations; where they differ, the mean over MACs of what each reads
    R : mean additions per MAC in unary
    flips_per_mac : predicted by the budget's formula
    flips : predicted per inference, ``flips_per_mac * macs``
    accuracy : part of the images classified as labelled, None without labels
    agreement : part of the images classified as by the float network
    error : squared error of the outputs over the float outputs' variance
    seconds : that quantising and measuring took
    """

    bx: float
    R: float
    flips_per_mac: float
    flips: float
    accuracy: float | None
    agreement: float
    error: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of a point.

    Attributes
    ----------
    figures : None where the point's budget is too small for any network
    enough : a budget that would be enough, flips per MAC; None where it is reached, or none is
    """

    point: Point
    figures: Figures | None
    enough: float | None = None
