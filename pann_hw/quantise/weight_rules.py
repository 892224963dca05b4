"""What integers trainable weights may be: within a cost, or within a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from pann_hw.quantise.straight_through import Cells

__all__ = ["CostRule", "RangeRule", "WeightRule"]

_SLACK = 0.25
_PRICE = 0.1
_LEAST_PRICE = 1e-4
_PACE = 0.01
_CLOSE = 0.98
_BISECTIONS = 24


class WeightRule(Protocol):
    """The integers of one layer's weights, which are kept in units of their step.

    An integer changes only when its weight is a quarter of a step beyond its cell: weights whose
    best value is between two integers would else go to and fro, ever more of them (arXiv
    2203.11086).
    """

    def begin(self, integers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Of the weights with these integers those that are nearest to ``wanted``."""

    def latent(self, weights: torch.Tensor) -> torch.Tensor:
        """What the integers' gradient goes to."""

    def round(
        self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor], *, adapt: bool
    ) -> list[torch.Tensor]:
        """Integers, as floats, of the weights of each source, given those so far.

        Parameters
        ----------
        adapt : in training: follow the weights
        """

    def settle(self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor]) -> bool:
        """Change what it takes for :meth:`round` to keep to the rule; whether anything changed."""


class CostRule:
    """Integers within a cost, at a price of an addition.

    The price rises while they cost more than is allowed, and falls while they cost less.

    Parameters
    ----------
    bits : width of what the weights of each source read
    allowed : largest sum over sources of bits times ``additions_cost``
    max_shift : largest shift of a term; 0 is unary
    """

    def __init__(self, bits: Sequence[int], allowed: float, max_shift: int) -> None:
        self._bits, self._max_shift, self._price = tuple(bits), max_shift, _PRICE
        self._allowed = allowed

    def begin(self, integers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """As :class:`WeightRule` has it."""
        cells = Cells(self._price, 2 * int(integers.abs().max()) + 16, self._max_shift)
        return cells.nearest(integers, wanted)

    def latent(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights."""
        return weights

    def round(
        self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor], *, adapt: bool
    ) -> list[torch.Tensor]:
        """As :class:`WeightRule` has it; the price is what adapts."""
        found, cost = self._rounded(weights, held, self._price)
        if adapt:
            # A change of price moves many weights: it changes slowly, and not at all while the cost
            # is close below the limit.
            if cost > self._allowed:
                self._price = max(self._price, _LEAST_PRICE) * (1 + _PACE)
            elif cost < _CLOSE * self._allowed:
                self._price *= 1 - _PACE
        return found

    def settle(self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor]) -> bool:
        """Raise the price, if need be, until the weights cost no more than is allowed."""
        if self._rounded(weights, held, self._price)[1] <= self._allowed:
            return False
        low = high = max(self._price, _LEAST_PRICE)
        while self._rounded(weights, held, high)[1] > self._allowed:
            low, high = high, high * 2
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if self._rounded(weights, held, middle)[1] > self._allowed:
                low = middle
            else:
                high = middle
        self._price = high
        return True

    def _rounded(
        self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor], price: float
    ) -> tuple[list[torch.Tensor], float]:
        """Integer weights at a price, as floats, and their cost."""
        largest = max(float(one.detach().abs().max()) for one in (*weights, *held))
        cells = Cells(price, int(largest) + 2, self._max_shift)
        found, total = [], 0.0
        for one, integers, bits in zip(weights, held, self._bits, strict=True):
            rounded, cost = cells.held(integers, one.detach(), _SLACK)
            found.append(rounded)
            total += bits * cost
        return found, total


class RangeRule:
    """The nearest integers of a range, as multipliers take them.

    Parameters
    ----------
    limits : the least, at most -1, and the largest, at least 1
    """

    def __init__(self, limits: tuple[int, int]) -> None:
        self._limits = limits
        self._cells = Cells(0.0, max(-limits[0], limits[1]), 0)

    def begin(self, integers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """As :class:`WeightRule` has it."""
        return self.latent(self._cells.nearest(integers, wanted))

    def latent(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights within the range: those beyond it have no gradient."""
        return weights.clamp(*self._limits)

    def round(
        self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor], *, adapt: bool
    ) -> list[torch.Tensor]:
        """As :class:`WeightRule` has it; there is nothing to adapt."""
        return [
            self._cells.held(integers, self.latent(one.detach()), _SLACK)[0].clamp(*self._limits)
            for one, integers in zip(weights, held, strict=True)
        ]

    def settle(self, weights: Sequence[torch.Tensor], held: Sequence[torch.Tensor]) -> bool:
        """Nothing to change: integers never leave the range."""
        return False
