"""Budgets: bit flips per multiply-accumulate, the currency in which networks pay.

The method of PANN (arXiv 2202.02783): a weight w costs |w| additions of an activation of b bits,
each flipping b bits, and b / 2 for the accumulator's register, (R + 0.5) b on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, Tensor
from pann_hw.integer.terms import term_count

__all__ = [
    "LARGEST",
    "WIDTHS",
    "flips_per_mac",
    "layer_flips",
    "mac_flips",
    "mean_additions",
    "mean_bits",
    "parse_budget",
]

WIDTHS = range(2, 9)
"""Widths of the multiply-accumulates that budgets are named after, and of hidden activations."""


def mac_flips(bits: int) -> float:
    """Flips of an unsigned multiply-accumulate of two ``bits``-bit operands: 0.5 b^2 + 4 b."""
    return 0.5 * bits**2 + 4 * bits


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

    ``sum over sources of positions * bits * (terms + 0.5 * weights) / macs``: positions of the
    output map, bits of the activation that is added, terms of the integer weights at shifts up to
    ``max_shift`` (0: unary, |w| terms each). Residual additions, means and copies are paid too,
    while only learned weights count as MACs; weights of 0 that nothing learned cost nothing.

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
        weights = source.weights
        count = weights.size if source.learned else np.count_nonzero(weights)
        cost = term_count(weights, max_shift) + 0.5 * count
        flips += positions * tensors[source.tensor].bits * cost
    return flips


def mean_additions(network: IntegerNetwork) -> float:
    """R as reached: mean |w| of the learned weights, each counted as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    if network.macs == 0:
        raise ValueError("the network has no learned weights, additions per MAC have no meaning")
    total = 0
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            positions = layer.output.shape[1] * layer.output.shape[2]
            for source in layer.sources:
                if source.learned:
                    total += positions * term_count(source.weights, 0)
    return total / network.macs


def mean_bits(network: IntegerNetwork) -> float:
    """bx as reached: mean width of what the learned weights read, each as often as it is used.

    Raises
    ------
    ValueError : the network has no learned weights
    """
    if network.macs == 0:
        raise ValueError("the network has no learned weights, bits per MAC have no meaning")
    tensors = network.tensors
    total = 0
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            positions = layer.output.shape[1] * layer.output.shape[2]
            for source in layer.sources:
                if source.learned:
                    total += positions * source.weights.size * tensors[source.tensor].bits
    return total / network.macs
