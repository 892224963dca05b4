"""Power of the serial multiplier: shift and add, a bit of one operand a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.adders import Bit, ripple_add
from pann_hw.power.expectation import flips_across, flips_within
from pann_hw.power.nets import grid, word_bits
from pann_hw.power.statistics import WordStatistics, word_flips
from pann_hw.power.succession import continued_pairs
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width

__all__ = ["SerialMultiplier"]

MOST_BITS = 8
"""Widest operand: the second level tabulates every net over all pairs of operands."""


@dataclass(frozen=True)
class SerialMultiplier(Unit):
    """``p = x * w``, unsigned, in ``w_bits + 1`` cycles. An operation is a product.

    Registers ``upper`` and ``lower`` hold the sum so far and what is left of w. A cycle of
    ``load`` sets them to 0 and w. Then each ``step`` adds x where the lowest bit of ``lower`` is 1,
    and shifts to the right, with the carry: ``{upper, lower} <- {carry, sum, lower} >> 1``. The
    product is in them when the next one is loaded. Both operands stay at their ports until then,
    as from a register that waits for the multiplier, although w is read on ``load`` alone.
    ``step`` gates the addend, so that nothing is added in the cycle of ``load`` or at rest.

    Attributes
    ----------
    x_bits, w_bits : widths of the operands, 2..8

    Raises
    ------
    ValueError : a width out of range
    """

    x_bits: int
    w_bits: int

    def __post_init__(self) -> None:
        check_width("x_bits", self.x_bits, 2, MOST_BITS)
        check_width("w_bits", self.w_bits, 2, MOST_BITS)

    @property
    def product_bits(self) -> int:
        """Bits of the product."""
        return self.x_bits + self.w_bits

    @property
    def name(self) -> str:
        return f"multiplier_serial_{self.x_bits}x{self.w_bits}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.x_bits, False), "w": (self.w_bits, False)}

    @property
    def ports(self) -> dict[str, int]:
        return {"x": self.x_bits, "w": self.w_bits, "load": 1, "step": 1}

    def formula(self) -> Flips:
        """``0.5 max(x_bits, w_bits)**2 + 0.5 (x_bits + w_bits)``, the paper's for any multiplier.

        Counted, ``0.5 b**2`` is what the adder's sum flips by itself; addend, carries and the two
        registers, which shift in every cycle, flip about ``1.4 b**2`` more.
        """
        return formulas.multiply(self.x_bits, self.w_bits)

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Inputs: rates of their bits. Inside: every net in every cycle is a function of x and w;
        see :mod:`pann_hw.power.expectation`.

        Cycles are counted from the first step to the next product's load: the addend is gated
        then, so that no net inside sees the next operands yet.
        """
        x, w = statistics["x"], statistics["w"]
        x_pairs, w_pairs = continued_pairs(x), continued_pairs(w)
        x_words, w_words = grid(x.values, w.values)
        state, tables = w_words, []
        for step in (*[1] * self.w_bits, 0):
            nets = self._nets(x_words, state, step).values()
            tables.append(np.stack([bit for net in nets for bit in word_bits(*net)], -1))
            state = self._stepped(x_words, state)
        inside = flips_across(tables[-1], tables[0], x_pairs, w_pairs)
        for before, after in pairwise(tables):
            inside += flips_within(before, after, x.frequency, w.frequency)
        return {
            "inputs": word_flips(x, x_pairs) + word_flips(w, w_pairs),
            "internal": float(inside.sum()),
        }

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A cycle of ``load``, then one of ``step`` for each bit of w, product after product."""
        cycles = self.w_bits + 1
        load = np.tile(np.arange(cycles) == 0, self.operations(operands)).astype(np.int64)
        ports = {port: np.repeat(operands[port].ravel(), cycles) for port in ("x", "w")}
        ports |= {"load": load, "step": 1 - load}
        return {port: np.append(words, 0) for port, words in ports.items()}

    def trace(self, stimulus: Stimulus) -> Trace:
        x, w = stimulus["x"], stimulus["w"]
        inside = self._nets(x, self._states(stimulus), stimulus["step"])
        return {
            "x": ("inputs", self.x_bits, x),
            "w": ("inputs", self.w_bits, w),
            **{name: ("internal", width, values) for name, (values, width) in inside.items()},
        }

    def _states(self, stimulus: Stimulus) -> np.ndarray:
        """``{upper, lower}`` in each cycle, int64 (cycles,)."""
        states = [0]
        for x, w, load, step in zip(*(stimulus[port].tolist() for port in self.ports), strict=True):
            state = states[-1]
            states.append(w if load else self._stepped(x, state) if step else state)
        return np.array(states[:-1], np.int64)

    def _stepped(self, x: Any, state: Any) -> Any:
        """``{upper, lower}`` after a step: ints, or int64 arrays of equal shapes."""
        return state + ((x * (state & 1)) << self.w_bits) >> 1

    def _nets(
        self, x: np.ndarray, state: np.ndarray, step: np.ndarray | int
    ) -> dict[str, tuple[np.ndarray, int]]:
        """Words and width of every net inside, for words of equal shapes."""
        upper, lower = state >> self.w_bits, state & ((1 << self.w_bits) - 1)
        addend = x * (state & 1 & step)
        nets = {"addend": (addend, self.x_bits)}

        def probe(name: str, value: Bit) -> Bit:
            nets[name] = (value, 1)
            return value

        ripple_add(word_bits(upper, self.x_bits), word_bits(addend, self.x_bits), "add", probe)
        return {**nets, "upper": (upper, self.x_bits), "lower": (lower, self.w_bits)}
