"""Power of whole multiply-accumulates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.accumulator import (
    accumulator_trace,
    check_accumulator,
    paced,
    sequence_control,
)
from pann_hw.power.expectation import flips_across, flips_to
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.nets import grid, unsigned
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit
from pann_hw.power.walk import walk

__all__ = ["Mac"]


@dataclass(frozen=True)
class Mac(Unit):
    """``register <- register + x * w`` on ``enable``, 0 on ``load``. An operation is a product.

    A sequence of products begins with a cycle of ``load``, in which both operands are 0.

    Attributes
    ----------
    kind : of the multiplier, "array", "baugh_wooley" or "booth"
    x_bits, w_bits : widths of the operands, 2..8
    width : of sum and register, B, x_bits + w_bits..63

    Raises
    ------
    ValueError : a width or kind out of range, an accumulator too narrow for the product
    """

    kind: str
    x_bits: int
    w_bits: int
    width: int

    def __post_init__(self) -> None:
        check_accumulator(self.width, self.multiplier.product_bits, "product")

    @property
    def multiplier(self) -> Multiplier:
        """The multiplier inside."""
        return Multiplier(self.kind, self.x_bits, self.w_bits)

    @property
    def name(self) -> str:
        return f"mac_{self.kind}_{self.x_bits}x{self.w_bits}_into_{self.width}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return self.multiplier.operands

    @property
    def ports(self) -> dict[str, int]:
        return {**self.multiplier.ports, "load": 1, "enable": 1}

    def formula(self) -> Flips:
        """``0.5 b**2 + 3 b + 0.5 B`` signed, ``0.5 b**2 + 4 b`` unsigned, for equal widths."""
        return formulas.mac(self.x_bits, self.w_bits, self.width, signed=self.multiplier.signed)

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Multiplier: see :mod:`pann_hw.power.expectation`; accumulator:
        :mod:`pann_hw.power.walk`, with the distribution of x * w."""
        x, w = statistics["x"], statistics["w"]
        multiplier = self.multiplier
        inside, rates, product = _multiplier_flips(multiplier, x, w)
        extended = self.width - multiplier.product_bits if multiplier.signed else 0
        values, index = np.unique(product, return_inverse=True)
        frequency = np.bincount(index.ravel(), np.outer(x.frequency, w.frequency).ravel())
        flips = walk(values, frequency, x.length, self.width)
        return {
            "inputs": float(x.paced_toggles.sum() + w.paced_toggles.sum()),
            "internal": inside,
            "accumulator_input": float(rates.sum() + extended * rates[-1]),
            "sum": flips.sum,
            "register": flips.register,
        }

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A cycle of ``load``, then a product a cycle, for each sequence."""
        widths = self.multiplier.ports.items()
        words = {port: unsigned(paced(operands[port]), width) for port, width in widths}
        return {**words, **sequence_control(operands["x"].shape)}

    def trace(self, stimulus: Stimulus) -> Trace:
        multiplier = self.multiplier
        nets, product = multiplier.evaluate(stimulus["x"], stimulus["w"], outputs=False)
        trace: Trace = {
            port: ("inputs", width, stimulus[port]) for port, width in multiplier.ports.items()
        }
        trace |= {name: ("internal", 1, value) for name, value in nets.items()}
        return trace | accumulator_trace(product, stimulus["load"], stimulus["enable"], self.width)


@lru_cache(maxsize=4)
def _multiplier_flips(
    multiplier: Multiplier, x: WordStatistics, w: WordStatistics
) -> tuple[float, np.ndarray, np.ndarray]:
    """Flips inside and of each bit of the product, an operation, and all products, (x, w).

    Kept from one width of accumulator to the next.
    """
    nets, product = multiplier.evaluate(*grid(x.values, w.values), outputs=False)
    rest, _ = multiplier.evaluate(*np.zeros((2, 1), np.int64), outputs=False)
    inside = _paced(np.stack(list(nets.values()), -1), np.stack(list(rest.values()), -1), x, w)
    bits = product[..., None] >> np.arange(multiplier.product_bits) & 1
    rates = _paced(bits.astype(bool), np.zeros(bits.shape[-1], bool), x, w)
    return float(inside.sum()), rates, product


def _paced(table: np.ndarray, rest: np.ndarray, x: WordStatistics, w: WordStatistics) -> np.ndarray:
    """Flips of each net an operation, where both operands are 0 between sequences."""
    flips = flips_to(table, rest, x.first, w.first) + flips_to(table, rest, x.last, w.last)
    if x.length > 1:
        flips += (x.length - 1) * flips_across(table, table, x.joint, w.joint)
    rates: np.ndarray = flips / x.length
    return rates
