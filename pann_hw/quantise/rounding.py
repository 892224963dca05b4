"""Rounding with error feedback: a weight's error is made up for by the weights not yet rounded.

A layer's error on data is ``e C e^T`` per output channel, with e the errors of its weights and C
the covariance of its inputs (the mean error is the bias's to take out). Rounding column after
column, the best that the later columns can do about the error ``e_j`` of column j is

    e_k -= e_j U[j, k] / U[j, j]  for k > j,      C^-1 = U^T U, U upper triangular,

which leaves the error ``e_j^2 / U[j, j]^2`` (GPTQ, arXiv 2210.17323). Each weight becomes the
integer of least ``e_j^2 / U[j, j]^2 + price * cost``, its cost being that of its additions: with a
price of 0 the nearest one, else the cheapest whose error is worth it.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from pann_hw.quantise.budget import weight_costs

__all__ = ["Rounding", "cost_table"]

_NEIGHBOURS = 2


@lru_cache(maxsize=32)
def _costs_below(end: int, max_shift: int) -> torch.Tensor:
    return torch.from_numpy(weight_costs(end - 1, max_shift))


def cost_table(largest: int, max_shift: int) -> torch.Tensor:
    """:func:`weight_costs` of 0..largest and somewhat beyond, kept for further calls."""
    # Up to a power of two, so that few tables serve all calls.
    return _costs_below(1 << largest.bit_length(), max_shift)


class Rounding:
    """The weights of a layer, ready to be rounded at any step and price.

    Parameters
    ----------
    weights : float64 (G, O, n): G groups of O output channels and n inputs each
    covariance : float64 (G, n, n) of the groups' inputs
    damping : what is added to the covariance's diagonal, as a part of its mean
    feedback : False rounds every weight for itself, its error being ``e_j^2 C[j, j]``
    max_shift : largest shift of a term; 0 is unary
    prices : (n,) relative price of a term of each input; None: 1 each

    Attributes
    ----------
    scale : mean absolute weight
    largest : largest absolute weight

    Raises
    ------
    ValueError : shapes that do not fit
    """

    def __init__(
        self,
        weights: torch.Tensor,
        covariance: torch.Tensor,
        damping: float,
        feedback: bool = True,
        max_shift: int = 0,
        prices: torch.Tensor | None = None,
    ) -> None:
        groups, _, inputs = weights.shape
        if covariance.shape != (groups, inputs, inputs):
            raise ValueError(
                f"covariance {tuple(covariance.shape)}: must be {(groups, inputs, inputs)}"
            )
        self._max_shift = max_shift
        prices = torch.ones(inputs, dtype=torch.float64) if prices is None else prices
        diagonal = covariance.diagonal(dim1=1, dim2=2)
        level = diagonal.mean(1, keepdim=True).clamp_min(1e-30)
        self._covariance = covariance + torch.diag_embed((damping * level).expand(groups, inputs))
        # One order for all groups keeps the columns of a step together.
        self._order = torch.argsort(diagonal.sum(0), descending=True, stable=True)
        self._prices = prices[self._order]
        self._columns = weights[:, :, self._order].permute(2, 0, 1).contiguous()
        ordered = self._covariance[:, self._order][:, :, self._order]
        if feedback:
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(ordered))
            factor = torch.linalg.cholesky(inverse, upper=True)
            pivots = factor.diagonal(dim1=1, dim2=2)
            self._errors = (1 / pivots**2).T.contiguous()
            spread = factor / pivots[:, :, None]
            # (j, k, G, 1): what column j's error does to the columns after it.
            self._spread = spread.permute(1, 2, 0)[..., None].contiguous()
        else:
            self._errors = ordered.diagonal(dim1=1, dim2=2).T.contiguous()
            self._spread = None
        self.scale = float(weights.abs().mean())
        self.largest = float(weights.abs().max())
        # (G,) of a term of price 1, so that thrift means the same for every layer.
        self._unit_prices = self._errors.mean(0) / float(prices.mean())

    @property
    def scales(self) -> torch.Tensor:
        """Mean absolute weight (G, O) of each output channel."""
        return self._columns.abs().mean(0)

    @property
    def spans(self) -> torch.Tensor:
        """Largest absolute weight (G, O) of each output channel."""
        return self._columns.abs().amax(0)

    def round(
        self,
        step: float | torch.Tensor,
        thrift: float = 0.0,
        limits: tuple[int, int] | None = None,
    ) -> torch.Tensor:
        """The integers (G, O, n), as float64, in steps of ``step``.

        Parameters
        ----------
        step : one for all, or (.., G, O), one for each output channel; the integers then are
            (.., G, O, n)
        thrift : price of a term, as a part of the error that a weight wrong by 1 leaves on average
            over all inputs; over those of the channel's group where channels have their own steps
        limits : the least and the largest integer that may come out; None: any
        """
        if isinstance(step, float):
            unit_prices = self._unit_prices.mean().expand_as(self._unit_prices)
            several: tuple[int, ...] = ()
            columns = self._columns / step
        else:
            unit_prices = self._unit_prices
            several = (1,) * (step.dim() - 2)
            columns = self._columns.view(-1, *several, *self._columns.shape[1:]) / step
        largest = int(columns.abs().max()) + 64
        costs = cost_table(largest, self._max_shift)
        found = torch.empty_like(columns)
        for j, column in enumerate(columns):
            if thrift == 0:
                chosen = _nearest(column)
            else:
                price = thrift * unit_prices * float(self._prices[j]) / self._errors[j]
                chosen = _worth(column, price, costs)
            if limits is not None:
                chosen = chosen.clamp(*limits)
            found[j] = chosen
            if self._spread is not None and j + 1 < len(columns):
                spread = self._spread[j, j + 1 :]
                spread = spread.view(-1, *several, *spread.shape[1:])
                columns[j + 1 :] -= spread * (column - chosen)
        result = torch.empty_like(found)
        result[self._order] = found
        return result.movedim(0, -1).contiguous()

    def error(self, found: torch.Tensor, step: float | torch.Tensor) -> torch.Tensor:
        """Squared error (.., G, O) of the sums, in real units.

        Parameters
        ----------
        found, step : integers as round() gives them for these steps
        """
        original = torch.empty_like(self._columns)
        original[self._order] = self._columns
        steps = step if isinstance(step, float) else step[..., None]
        wrong = found * steps - original.permute(1, 2, 0)
        return torch.einsum("...goi,gij,...goj->...go", wrong, self._covariance, wrong)

    def cost(self, found: torch.Tensor) -> torch.Tensor:
        """Cost (.., G, O) of integers as round() gives them, each at its input's relative price."""
        costs = cost_table(int(found.abs().max()), self._max_shift)
        result: torch.Tensor = costs[found.abs().long()][..., self._order] @ self._prices
        return result


def _nearest(weights: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = torch.floor(weights + 0.5)
    return result


def _worth(weights: torch.Tensor, price: torch.Tensor, costs: torch.Tensor) -> torch.Tensor:
    """The neighbours (or 0) of least squared error plus price times cost; (.., G, O)."""
    base = _nearest(weights)
    offsets = torch.arange(-_NEIGHBOURS, _NEIGHBOURS + 1, dtype=weights.dtype)
    near = base + offsets.view(-1, *(1,) * base.dim())
    candidates = torch.cat([near, torch.zeros_like(base)[None]])
    cost = costs[candidates.abs().long().clamp_max(len(costs) - 1)]
    merit = (candidates - weights) ** 2 + price[:, None] * cost
    chosen: torch.Tensor = candidates.gather(0, merit.argmin(0, keepdim=True))[0]
    return chosen
