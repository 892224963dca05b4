"""Ordinary uniform quantisation: what multipliers would run, as the baseline to compare with.

Weights and activations of b bits. A signed multiplier takes weights in -2^(b-1)..2^(b-1) - 1; an
unsigned one magnitudes in 0..2^b - 1, with ``W = W+ - W-``, as PANN has it (arXiv 2202.02783). Each
layer has the weight step at which its sums err least on calibration data, so that weights are
clipped where that pays. Whatever else the recipe says, it says for the baseline too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork, Layer
from pann_hw.quantise.budget import WIDTHS, mean_additions, multiplier_flips_per_mac
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.fuse import Sum
from pann_hw.quantise.layer_fit import Fitted, LayerFit
from pann_hw.quantise.layerwise import fit_in_order
from pann_hw.quantise.post_training import Prepared

__all__ = ["fit_uniform", "weight_limits"]


def weight_limits(bits: int, *, signed: bool) -> tuple[int, int]:
    """The least and the largest integer weight that a multiplier of ``bits`` bits takes.

    -2^(b-1) and 2^(b-1) - 1 for a signed one; for an unsigned one -(2^b - 1) and 2^b - 1, the sign
    being the choice of W+ or W-.
    """
    if signed:
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 1 - 2**bits, 2**bits - 1


def fit_uniform(
    prepared: Prepared,
    bits: int,
    signed: bool,
    input_bits: int | None = None,
    activation_bits: int | None = None,
) -> IntegerNetwork:
    """The integer network for multipliers of ``bits`` x ``activation_bits`` bits.

    It runs like any other; its ``budget`` is what the multiply-accumulates flip on average. The
    recipe's thrift and its budgets per layer have no meaning here, all its other switches have.

    Parameters
    ----------
    bits : width of the weights, 2..8
    signed : the kind of multiplier
    input_bits : width of the network's input, 2..8; None: ``activation_bits``
    activation_bits : width of hidden activations, 2..8; None: ``bits``

    Raises
    ------
    InputError : a width out of its range
    """
    x_bits = bits if activation_bits is None else activation_bits
    input_bits = x_bits if input_bits is None else input_bits
    for name, width in (
        ("bits", bits), ("activation_bits", x_bits), ("input_bits", input_bits),
    ):  # fmt: skip
        if width not in WIDTHS:
            raise InputError(f"{name} = {width!r}: must be {WIDTHS[0]}..{WIDTHS[-1]}")
    fused, recipe = prepared.fused, prepared.recipe
    ranges = choose_ranges(fused, prepared.statistics, x_bits, input_bits)
    template = build(fused, ranges, x_bits, 1.0, input_bits)
    limits = weight_limits(bits, signed=signed)

    def choose(layer: Sum, fit: LayerFit, made: Sequence[Layer]) -> Fitted:
        return fit.fit_range(limits)

    widths = {layer.output.name: x_bits for layer in template.layers}
    network = fit_in_order(
        fused, template, ranges, widths, prepared.images, recipe, 0, choose, prepared.importance
    )
    assert network is not None
    flips = multiplier_flips_per_mac(network, bits, signed=signed)
    return replace(network, budget=flips, bits=x_bits, additions=mean_additions(network))
