"""Rounding that training sees through: the straight-through estimator.

Forward a value is rounded as the integer network rounds it, ``floor(t + 1/2)``; backward the
rounding is the identity (arXiv 1308.3432). So the step s of an activation learns (LSQ, arXiv
1902.08153): the derivative of ``s * clamp(round(a / s), 0, q_max)`` by s is ``round(a / s) - a/s``
inside the clamp and its bound outside of it, which autograd finds by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from pann_hw.quantise.budget import weight_costs

__all__ = ["Cells", "clamp_round", "same", "through"]


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, latent: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0], None


def through(latent: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """``value`` exactly, with the gradient of ``latent``; both have one shape."""
    result: torch.Tensor = _Through.apply(latent, value)  # type: ignore[no-untyped-call]
    return result


def clamp_round(x: torch.Tensor, q_max: int) -> torch.Tensor:
    """``min(max(floor(x + 1/2), 0), q_max)``, with a gradient of 1 in 0..q_max and 0 outside."""
    clamped = x.clamp(0, q_max)
    return through(clamped, torch.floor(clamped.detach() + 0.5))


def same(x: torch.Tensor) -> torch.Tensor:
    """1 exactly, with the gradient of ``log x``: a factor by which another value follows x."""
    return x / x.detach()


class Cells:
    """Integers for weights where additions have a price: the cheapest whose error is worth it.

    ``Q(v) = argmin_q (q - v)^2 + price * cost(q)``, the cost being ``weight_costs``: terms, and 1/2
    where q is not 0. As a function of v that is a staircase, the parabolas' lower envelope, whose
    corners between neighbours a < b are

        v = (a + b) / 2 + price * (cost(b) - cost(a)) / (2 (b - a)).

    Parameters
    ----------
    price : of an addition, at least 0; 0 is rounding to nearest, halves up in magnitude
    largest : the largest magnitude that may come out, at least 1
    max_shift : largest shift of a term; 0 is unary

    Raises
    ------
    ValueError : a parameter out of its range
    """

    def __init__(self, price: float, largest: int, max_shift: int) -> None:
        if not price >= 0 or largest < 1 or max_shift < 0:
            raise ValueError(
                f"price {price}, largest {largest}, max_shift {max_shift}: must be >= 0, >= 1, >= 0"
            )
        costs = _costs(largest, max_shift)
        values, corners = _envelope(costs, price)
        self._values = torch.tensor(values, dtype=torch.float32)
        self._all_costs = torch.tensor(costs, dtype=torch.float64)
        self._corners = torch.tensor(corners, dtype=torch.float32)

    def round(self, v: torch.Tensor) -> tuple[torch.Tensor, float]:
        """The integers of v, as floats, and what they cost in all."""
        index = torch.bucketize(v.abs(), self._corners.to(v.device), right=True)
        found = self._values.to(v.device)[index].copysign(v)
        return found, float(self._all_costs.to(v.device)[found.abs().long()].sum())

    def held(self, q: torch.Tensor, v: torch.Tensor, slack: float) -> tuple[torch.Tensor, float]:
        """The integers q where v is in their cells, or outside by less than ``slack``, with their
        cost; elsewhere those of v.

        A q that never comes out becomes the next that does, towards 0.
        """
        low, high = self._cell(q)
        u = v * torch.where(q == 0, torch.sign(v), torch.sign(q))
        kept = self._values.to(q.device)[self._index(q)].copysign(q)
        found = torch.where((u > low - slack) & (u < high + slack), kept, self.round(v)[0])
        return found, float(self._all_costs.to(v.device)[found.abs().long()].sum())

    def nearest(self, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Of the values in the cells of q those that are nearest to v."""
        low, high = self._cell(q)
        sign = torch.where(q == 0, torch.sign(v), torch.sign(q))
        return sign * (v * sign).clamp(low, high)

    def _cell(self, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the cells of |q| begin and end."""
        corners, index = self._corners.to(q.device), self._index(q)
        low = torch.cat([-corners[:1], corners])[index]
        return low, torch.cat([corners, corners.new_tensor([torch.inf])])[index]

    def _index(self, q: torch.Tensor) -> torch.Tensor:
        """Of |q| among the magnitudes that come out, or of the next below."""
        return torch.searchsorted(self._values.to(q.device), q.abs(), right=True) - 1


@lru_cache(maxsize=64)
def _costs(largest: int, max_shift: int) -> tuple[float, ...]:
    return tuple(weight_costs(largest, max_shift).tolist())


def _envelope(costs: Sequence[float], price: float) -> tuple[list[int], list[float]]:
    """The magnitudes that come out, ascending, and the corners between them."""
    values, corners = [0], list[float]()
    for b in range(1, len(costs)):
        while True:
            a = values[-1]
            corner = (a + b) / 2 + price * (costs[b] - costs[a]) / (2 * (b - a))
            if not corners or corner > corners[-1]:
                break
            # b takes over before a does: a never comes out.
            values.pop()
            corners.pop()
        values.append(b)
        corners.append(corner)
    return values, corners
