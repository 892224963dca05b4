"""Budgets: bit flips per multiply-accumulate, the currency in which networks pay.

The method of PANN (arXiv 2202.02783): a weight w costs |w| additions of an activation of b bits,
each flipping b bits, and b / 2 for the activation that it loads, (R + 0.5) b on average. What is
paid here is the schedule that runs: as many additions as the weight has terms, and nothing for a
weight of 0, which the schedule leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, Source, Tensor
from pann_hw.integer.terms import term_count
from pann_hw.power.formulas import mac

__all__ = [
    "ACCUMULATOR_WIDTH",
    "LARGEST",
    "LEAST_COST",
    "WIDTHS",
    "additions_cost",
    "flips_per_mac",
    "layer_flips",
    "mac_flips",
    "mean_additions",
    "mean_bits",
    "mean_terms",
    "multiplier_flips_per_mac",
    "parse_budget",
    "weight_costs",
    "zero_share",
]

WIDTHS = range(2, 9)
"""Widths of the multiply-accumulates that budgets are named after, and of hidden activations."""


ACCUMULATOR_WIDTH = 32
"""Of ordinary multiply-accumulates, B; only signed ones flip more for it."""


def mac_flips(bits: int, *, signed: bool = False, x_bits: int | None = None) -> float:
    """Flips of an ordinary multiply-accumulate, by :func:`pann_hw.power.formulas.mac`.

    0.5 b^2 + 4 b unsigned, 0.5 b^2 + 3 b + 0.5 B signed.

    Parameters
    ----------
    bits : width of the weight, b
    x_bits : of the activation; None: as wide
    """
    parts = mac(bits if x_bits is None else x_bits, bits, ACCUMULATOR_WIDTH, signed=signed)
    return sum(parts.values())


LARGEST = mac_flips(WIDTHS[-1])
"""Flips per MAC beyond which an ordinary 8-bit multiplier would do."""


def parse_budget(budget: str | float) -> float:
    """Flips per MAC of a budget by name or by number.

    "2bit".."8bit" are the unsigned multiply-accumulates of that width: 10, 16.5, 24, 32.5, 42,
    52.5, 64. Numbers, also as text, are flips per MAC.

    Raises
    ------
    InputError : any other text, or a number that is not above 0 and at most 64
    """
    names = {f"{bits}bit": mac_flips(bits) for bits in WIDTHS}
    if isinstance(budget, str) and budget.strip() in names:
        return names[budget.strip()]
    try:
        if isinstance(budget, bool):
            raise TypeError
        flips = float(budget)
    except (TypeError, ValueError):
        flips = math.nan
    if not 0 < flips <= LARGEST:
        raise InputError(
            f"budget {budget!r}: must be 2bit, 3bit, .. 8bit, or flips per MAC above 0 and at most "
            f"{LARGEST:g}"
        )
    return flips


def flips_per_mac(network: IntegerNetwork, max_shift: int = 0) -> float:
    """Bit flips of all additions of an inference, per learned multiply-accumulate.

    ``sum over sources of positions * bits * (terms + 0.5 * weights that are not 0) / macs``:
    positions of the output map, bits of the activation that is added, terms of the integer weights
    at shifts up to ``max_shift`` (0: unary, |w| terms each). Residual additions, means and copies
    are paid too, while only learned weights count as MACs.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    if network.macs == 0:
        raise ValueError("the network has no learned weights, flips per MAC have no meaning")
    tensors = network.tensors
    return sum(layer_flips(one, tensors, max_shift) for one in network.layers) / network.macs


def layer_flips(layer: Layer, tensors: Mapping[str, Tensor], max_shift: int = 0) -> float:
    """Bit flips of one layer's additions in an inference, as :func:`flips_per_mac` counts them.

    Parameters
    ----------
    tensors : those that the layer reads, by name
    """
    if not isinstance(layer, Accumulate):
        return 0.0
    positions = layer.output.shape[1] * layer.output.shape[2]
    flips = 0.0
    for source in layer.sources:
        cost = additions_cost(source.weights, max_shift)
        flips += positions * tensors[source.tensor].bits * cost
    return flips


LEAST_COST = 1 / 16
"""Smallest mean :func:`additions_cost` of a weight that is tried: below it hardly one is left."""


def additions_cost(weights: np.ndarray, max_shift: int) -> float:
    """Flips per activation bit of all weights together: terms, and 1/2 for each that is not 0."""
    return term_count(weights, max_shift) + 0.5 * np.count_nonzero(weights)


def weight_costs(largest: int, max_shift: int) -> np.ndarray:
    """:func:`additions_cost` of each of the integers 0..largest, as float64.

    From the largest shift down: an even integer has the terms of its half, an odd one a term more
    than the better of its neighbours' halves.
    """
    ends = [largest]
    for _ in range(max_shift):
        ends.append((ends[-1] + 1) // 2)
    terms = np.arange(ends[-1] + 1)
    for end in ends[-2::-1]:
        weights = np.arange(end + 1)
        below, above = terms[weights // 2], terms[(weights + 1) // 2]
        terms = np.where(weights % 2 == 0, below, 1 + np.minimum(below, above))
    return terms + 0.5 * (np.arange(largest + 1) > 0)


def multiplier_flips_per_mac(network: IntegerNetwork, bits: int, *, signed: bool) -> float:
    """Flips of the ordinary multiply-accumulates that the learned weights stand for, on average.

    Each has the width of the activation that it reads, as :func:`mac_flips` counts; shortcuts and
    means are not among them.

    Parameters
    ----------
    bits : width of the weights

    Raises
    ------
    ValueError : the network has no learned weights
    """
    tensors = network.tensors
    return _per_mac(
        network,
        lambda one: (
            one.weights.size * mac_flips(bits, signed=signed, x_bits=tensors[one.tensor].bits)
        ),
    )


def mean_additions(network: IntegerNetwork) -> float:
    """R as reached: mean |w| of the learned weights, each counted as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    return _per_mac(network, lambda one: term_count(one.weights, 0))


def mean_bits(network: IntegerNetwork) -> float:
    """bx as reached: mean width of what the learned weights read, each as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    tensors = network.tensors
    return _per_mac(network, lambda one: one.weights.size * tensors[one.tensor].bits)


def mean_terms(network: IntegerNetwork, max_shift: int) -> float:
    """Terms of a learned weight at shifts up to ``max_shift``, each counted as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    return _per_mac(network, lambda one: term_count(one.weights, max_shift))


def zero_share(network: IntegerNetwork) -> float:
    """Part of the learned weights that are 0, each counted as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    return _per_mac(network, lambda one: float(np.mean(one.weights == 0)) * one.weights.size)


def _per_mac(network: IntegerNetwork, amount: Callable[[Source], float]) -> float:
    """What learned sources take at each position, over the positions and MACs of all of them."""
    if network.macs == 0:
        raise ValueError("the network has no learned weights, a mean over MACs has no meaning")
    total = 0.0
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            positions = layer.output.shape[1] * layer.output.shape[2]
            total += positions * sum(amount(one) for one in layer.sources if one.learned)
    return total / network.macs
