"""Power of the parallel multipliers: unsigned array, signed Baugh-Wooley array, signed Booth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.expectation import flips_across
from pann_hw.power.nets import as_signed, evaluate, grid, unsigned
from pann_hw.power.products import KINDS
from pann_hw.power.statistics import WordStatistics, word_flips
from pann_hw.power.succession import continued_pairs
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width

__all__ = ["Multiplier", "check_kind"]

MOST_BITS = 8
"""Widest operand: the second level tabulates every net over all pairs of operands."""


@dataclass(frozen=True)
class Multiplier(Unit):
    """``p = x * w``, combinational. An operation is a product.

    Attributes
    ----------
    kind : "array" (unsigned), "baugh_wooley" or "booth" (signed, radix 4, w is recoded)
    x_bits, w_bits : widths of the operands, 2..8

    Raises
    ------
    ValueError : a width or kind out of range
    """

    kind: str
    x_bits: int
    w_bits: int

    def __post_init__(self) -> None:
        check_kind(self.kind)
        check_width("x_bits", self.x_bits, 2, MOST_BITS)
        check_width("w_bits", self.w_bits, 2, MOST_BITS)

    @property
    def signed(self) -> bool:
        """Whether operands and product are signed."""
        return self.kind != "array"

    @property
    def product_bits(self) -> int:
        """Bits of the product."""
        return self.x_bits + self.w_bits

    @property
    def name(self) -> str:
        return f"multiplier_{self.kind}_{self.x_bits}x{self.w_bits}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.x_bits, self.signed), "w": (self.w_bits, self.signed)}

    @property
    def ports(self) -> dict[str, int]:
        return {"x": self.x_bits, "w": self.w_bits}

    def formula(self) -> Flips:
        """``0.5 max(x_bits, w_bits)**2 + 0.5 (x_bits + w_bits)``."""
        return formulas.multiply(self.x_bits, self.w_bits)

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Inputs: rates of their bits. Inside: see :mod:`pann_hw.power.expectation`."""
        x, w = statistics["x"], statistics["w"]
        nets, _ = self.evaluate(*grid(x.values, w.values))
        table = np.stack(list(nets.values()), -1)
        x_pairs, w_pairs = continued_pairs(x), continued_pairs(w)
        return {
            "inputs": word_flips(x, x_pairs) + word_flips(w, w_pairs),
            "internal": float(flips_across(table, table, x_pairs, w_pairs).sum()),
        }

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A product a cycle, sequence after sequence."""
        return {
            port: np.append(unsigned(operands[port].ravel(), width), 0)
            for port, width in self.ports.items()
        }

    def trace(self, stimulus: Stimulus) -> Trace:
        nets, _ = self.evaluate(stimulus["x"], stimulus["w"])
        inputs: Trace = {
            port: ("inputs", width, stimulus[port]) for port, width in self.ports.items()
        }
        return inputs | {name: ("internal", 1, value) for name, value in nets.items()}

    def evaluate(
        self, x: np.ndarray, w: np.ndarray, *, outputs: bool = True
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Every net inside, bool, and the product, int64, for words of any equal shape.

        Parameters
        ----------
        x, w : operands; read as two's complement where the multiplier is signed
        outputs : False leaves out the nets that are bits of the product
        """
        nets, product = evaluate(
            KINDS[self.kind], (x, self.x_bits), (w, self.w_bits), outputs=outputs
        )
        return nets, as_signed(product, self.product_bits) if self.signed else product


def check_kind(kind: str) -> None:
    """Raise ValueError where there is no multiplier of that kind."""
    if kind not in KINDS:
        raise ValueError(f"multiplier {kind!r}: must be one of {', '.join(KINDS)}")
