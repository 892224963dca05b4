"""Kinds of networks that a sweep compares: which points each has, and how it makes them.

A new kind is a class here and an entry in :data:`KINDS`; everything else goes by its name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from pann_hw.integer.network import IntegerNetwork
from pann_hw.quantise.budget import LARGEST, WIDTHS, flips_per_mac, multiplier_flips_per_mac
from pann_hw.quantise.build import INPUT_BITS
from pann_hw.quantise.post_training import Prepared, fit, least_flips
from pann_hw.quantise.recipe import Recipe
from pann_hw.quantise.search import fit_best
from pann_hw.quantise.uniform import fit_uniform
from pann_hw.sweep.point import Point

__all__ = ["KINDS", "Kind", "Multiplier", "Terms"]


_STEP = 1.2
"""Between budgets that are tried for a network where smaller ones gave none."""


class Kind(ABC):
    """How points of one encoding are made.

    ``shift`` is, throughout, what :meth:`shift` gives.
    """

    def shift(self, max_shift: int) -> int:
        """The largest shift of its terms, for the largest that the lanes can do; 0: no shifts."""
        return 0

    @abstractmethod
    def points(self, name: str, budgets: Sequence[float], recipe: Recipe) -> list[Point]:
        """Its points, cheap ones first.

        Parameters
        ----------
        name : its own in ``KINDS``
        budgets : flips per MAC
        """

    @abstractmethod
    def prepare(self, prepared: Prepared, shift: int) -> None:
        """Measure once what all its points need, for ``prepared`` to keep."""

    @abstractmethod
    def fit(self, prepared: Prepared, point: Point, shift: int) -> IntegerNetwork | None:
        """The point's network; None where its budget is too small."""

    @abstractmethod
    def enough(self, prepared: Prepared, point: Point, shift: int) -> float | None:
        """A budget that gives a network, for a point whose own does not; None where none does."""

    @abstractmethod
    def flips_per_mac(self, point: Point, network: IntegerNetwork, shift: int) -> float:
        """Predicted flips of an inference, per MAC."""


class Terms(Kind):
    """PANN: additions of terms within a budget of flips per MAC.

    Parameters
    ----------
    shifts : whether terms are shifted (csd) or not (unary)
    """

    def __init__(self, shifts: bool) -> None:
        self._shifts = shifts

    def shift(self, max_shift: int) -> int:
        return max_shift if self._shifts else 0

    def points(self, name: str, budgets: Sequence[float], recipe: Recipe) -> list[Point]:
        widths = [None] if recipe.layer_budgets else list(WIDTHS)
        return [Point(name, budget, bits) for budget in sorted(budgets) for bits in widths]

    def prepare(self, prepared: Prepared, shift: int) -> None:
        if prepared.recipe.layer_budgets:
            prepared.sensitivities(shift)

    def fit(self, prepared: Prepared, point: Point, shift: int) -> IntegerNetwork | None:
        assert point.budget is not None
        if point.bits is None:
            return fit_best(prepared, point.budget, shift)
        return fit(prepared, point.bits, point.budget, shift)

    def enough(self, prepared: Prepared, point: Point, shift: int) -> float | None:
        """At most a fifth, and 1 % of rounding, above the least budget."""
        assert point.budget is not None
        widths = WIDTHS if point.bits is None else (point.bits,)
        least = min(least_flips(prepared, bits, shift) for bits in widths)
        # The least is exact for one R throughout; networks made layer by layer may need more.
        budget = _rounded_up(least if least > point.budget else point.budget * _STEP)
        while budget <= LARGEST:
            if self.fit(prepared, replace(point, budget=budget), shift) is not None:
                return budget
            budget = _rounded_up(budget * _STEP)
        return None

    def flips_per_mac(self, point: Point, network: IntegerNetwork, shift: int) -> float:
        return flips_per_mac(network, shift)


class Multiplier(Kind):
    """Ordinary uniform quantisation, as the baseline: a point for each width b, without a budget.

    Weights and hidden activations have b bits and are multiplied; the network's input has 8, as it
    has for PANN, and its multipliers flip for them.

    Parameters
    ----------
    signed : the kind of multiplier
    """

    def __init__(self, signed: bool) -> None:
        self._signed = signed

    def points(self, name: str, budgets: Sequence[float], recipe: Recipe) -> list[Point]:
        return [Point(name, None, bits) for bits in WIDTHS]

    def prepare(self, prepared: Prepared, shift: int) -> None:
        pass

    def fit(self, prepared: Prepared, point: Point, shift: int) -> IntegerNetwork:
        assert point.bits is not None
        return fit_uniform(prepared, point.bits, self._signed, INPUT_BITS)

    def enough(self, prepared: Prepared, point: Point, shift: int) -> None:
        raise ValueError(f"{point.name}: has no budget that could be too small")

    def flips_per_mac(self, point: Point, network: IntegerNetwork, shift: int) -> float:
        assert point.bits is not None
        return multiplier_flips_per_mac(network, point.bits, signed=self._signed)


def _rounded_up(value: float) -> float:
    """To three digits, as messages show it."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / unit) * unit:.3g}")


KINDS: dict[str, Kind] = {
    "unary": Terms(shifts=False),
    "csd": Terms(shifts=True),
    "mac-unsigned": Multiplier(signed=False),
    "mac-signed": Multiplier(signed=True),
}
"""By the names that ``--encodings`` takes."""
