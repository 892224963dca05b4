"""Flips by formula of what lanes make of a network's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pann_hw.config import AcceleratorConfig

if TYPE_CHECKING:
    from pann_hw.integer.network import IntegerNetwork

__all__ = ["formula_flips", "largest_shift"]


def largest_shift(config: AcceleratorConfig, encoding: str) -> int:
    """Of the terms of an encoding; 0 where they are not shifted."""
    return config.shift if encoding == "csd" else 0


def formula_flips(network: IntegerNetwork, config: AcceleratorConfig, encoding: str) -> float:
    """Flips per learned multiply-accumulate: of the additions, or of multipliers where lanes have
    them."""
    from pann_hw.quantise.budget import flips_per_mac, multiplier_flips_per_mac

    if config.multiplier_width is None:
        return flips_per_mac(network, largest_shift(config, encoding))
    return multiplier_flips_per_mac(network, config.multiplier_width, signed=config.signed)
