"""Power of PANN's adder: a product by a few additions of the activation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.accumulator import accumulator_trace, check_accumulator
from pann_hw.power.nets import accumulate, unsigned
from pann_hw.power.rails import OneRail, Rails
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_stream import rail_stream
from pann_hw.power.two_rails import TwoRails
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width

__all__ = ["WEIGHT_BITS", "PannAdder"]

WEIGHT_BITS = 16
"""Widest weight that is taken."""


@dataclass(frozen=True)
class PannAdder(Unit):
    """``register <- register + (p << p_shift) - (n << n_shift)``. An operation is a weight.

    With one rail, as published, only p is there: the positive terms of an output's weights are one
    sequence, the negative ones another, both unsigned; the one subtraction of the two sums belongs
    to whoever takes them. With two rails both run at once, each at its own pace, and the addend is
    signed. A sequence begins with a cycle of ``load``, in which the operands are 0.

    Attributes
    ----------
    x_bits : width of the unsigned activation, 1..8
    width : of sum and register, B
    rails : 1 or 2
    max_shift : largest shift of a term: 0 for unary terms (no shifter), 1..7 for CSD
    low_bits : register bits that are always clocked, 1..width - 1, the others only at a carry or
        borrow; 0 for a register without that gating
    additions : per weight, for the closed formula: R of unary terms, their mean number for CSD

    Raises
    ------
    ValueError : a width out of range, an accumulator too narrow for the shifted activation
    """

    x_bits: int
    width: int
    rails: int = 1
    max_shift: int = 0
    low_bits: int = 0
    additions: float = 2.0

    def __post_init__(self) -> None:
        check_width("x_bits", self.x_bits, 1, 8)
        check_width("rails", self.rails, 1, 2)
        check_width("max_shift", self.max_shift, 0, 7)
        check_accumulator(self.width, self.addend_bits, "shifted activation")
        check_width("low_bits", self.low_bits, 0, self.width - 1)
        if not self.additions > 0:
            raise ValueError(f"additions = {self.additions}: must be above 0")

    @property
    def addend_bits(self) -> int:
        """Bits of the addend before it is extended."""
        return self.x_bits + self.max_shift + self.rails - 1

    @property
    def name(self) -> str:
        terms = f"csd{self.max_shift}" if self.max_shift else "unary"
        gated = f"_gated{self.low_bits}" if self.low_bits else ""
        return f"pann_{terms}_{self.rails}rail{gated}_{self.x_bits}_into_{self.width}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.x_bits, False), "w": (WEIGHT_BITS, True)}

    @property
    def ports(self) -> dict[str, int]:
        rails = ("p", "n")[: self.rails]
        ports = dict.fromkeys(rails, self.x_bits)
        if self.max_shift:
            ports |= {f"{rail}_shift": self.max_shift.bit_length() for rail in rails}
        return {**ports, "load": 1, "enable": 1}

    def formula(self) -> Flips:
        """``(R + 0.5) x_bits``: uniform activations, one rail, unary terms."""
        return formulas.flips_per_weight(self.additions, self.x_bits)

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """See :mod:`pann_hw.power.rails` and :mod:`pann_hw.power.two_rails`."""
        rails = self._rails(statistics)
        addend = rails.addend_flips(self.addend_bits if self.low_bits else self.width)
        if self.low_bits:
            addend += rails.carry_flips(self.low_bits, self.width - self.low_bits)
        total, register = rails.walk(self.width)
        flips = {"accumulator_input": addend, "sum": total, "register": register}
        if self._operands_apart:
            flips |= {"inputs": rails.operand_flips()}
        if self.max_shift:
            flips |= {"internal": rails.shifter_flips(self.max_shift)}
        return flips

    def operations(self, operands: Operands) -> int:
        return int(operands["w"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A cycle of ``load``, then a term a cycle and rail, for each sequence."""
        x, w = operands["x"], operands["w"]
        streams = [rail_stream(x, w, sign, self.max_shift) for sign in (1, -1)]
        counts = np.stack([count for _, _, count in streams], 1)
        if self.rails == 2:
            begins = _begins(counts.max(1, keepdims=True)) + np.zeros((1, 2), np.int64)
        else:
            begins = _begins(counts)
        cycles = int((begins + counts).max()) + 1
        ports = {port: np.zeros(cycles, np.int64) for port in self.ports}
        for rail, (words, shifts, count) in enumerate(streams):
            at = np.repeat(begins[:, rail], count) + _within(count)
            name = ("p", "n")[rail % self.rails]
            ports[name][at] = words
            if self.max_shift:
                ports[f"{name}_shift"][at] = shifts
            ports["enable"][at] = 1
        ports["load"][begins.ravel() - 1] = 1
        return ports

    def trace(self, stimulus: Stimulus) -> Trace:
        trace: Trace = {}
        words = []
        for rail in ("p", "n")[: self.rails]:
            word = stimulus[rail]
            if self._operands_apart:
                trace[rail] = ("inputs", self.x_bits, word)
            for stage in range(self.max_shift.bit_length()):
                word = word << ((stimulus[f"{rail}_shift"] >> stage & 1) << stage)
                # The last stage's output is the addend itself where there is one rail.
                if self.rails == 2 or stage + 1 < self.max_shift.bit_length():
                    width = self.x_bits + min(2 ** (stage + 1) - 1, self.max_shift)
                    trace[f"{rail}_shifted_{stage}"] = ("internal", width, word)
            words.append(word)
        addend = words[0] - words[1] if self.rails == 2 else words[0]
        load, enable = stimulus["load"], stimulus["enable"]
        if not self.low_bits:
            return trace | accumulator_trace(addend, load, enable, self.width)
        return trace | self._gated_trace(addend, accumulate(addend, load, enable))

    def _gated_trace(self, addend: np.ndarray, register: np.ndarray) -> Trace:
        low, high = self.low_bits, self.width - self.low_bits
        carry = (unsigned(register, low) + unsigned(addend, low)) >> low
        step = (addend >> low) + carry
        words = {
            "addend": ("accumulator_input", self.addend_bits, addend),
            "step": ("accumulator_input", high, step),
            "sum_low": ("sum", low, register + addend),
            "sum_high": ("sum", high, (register >> low) + step),
            "low": ("register", low, register),
            "high": ("register", high, register >> low),
        }
        return {
            name: (net_class, width, unsigned(word, width))
            for name, (net_class, width, word) in words.items()
        }

    def predict_clocked(self, statistics: Mapping[str, WordStatistics]) -> float:
        """Flip-flops that get a clock edge, per weight; clock pins are no nets of ``count``."""
        rails = self._rails(statistics)
        if not self.low_bits:
            return rails.cycles * self.width
        high = self.width - self.low_bits
        return rails.cycles * self.low_bits + rails.moves(self.low_bits) * high

    def count_clocked(self, operands: Operands) -> float:
        """Flip-flops that get a clock edge, per weight, exactly (a ``load`` is left out)."""
        stimulus = self.stimulus(operands)
        cycles = int(stimulus["enable"].sum())
        edges = cycles * (self.low_bits or self.width)
        if self.low_bits:
            step = self.trace(stimulus)["step"][2]
            edges += int((step != 0).sum()) * (self.width - self.low_bits)
        return edges / self.operations(operands)

    @property
    def _operands_apart(self) -> bool:
        """Whether operand and addend are two nets."""
        return self.rails == 2 or self.max_shift > 0

    def _rails(self, statistics: Mapping[str, WordStatistics]) -> Rails:
        return _rails(self.rails, statistics["x"], statistics["w"], self.max_shift)


@lru_cache(maxsize=1)
def _rails(rails: int, x: WordStatistics, w: WordStatistics, max_shift: int) -> Rails:
    """Kept from one width of accumulator to the next: of wide words, the tables are large."""
    return OneRail(x, w, max_shift) if rails == 1 else TwoRails(x, w, max_shift)


def _begins(counts: np.ndarray) -> np.ndarray:
    """First cycle of each sequence, (outputs, sequences): one of ``load`` is before it."""
    lengths = counts.ravel() + 1
    starts: np.ndarray = (np.cumsum(lengths) - lengths + 1).reshape(counts.shape)
    return starts


def _within(counts: np.ndarray) -> np.ndarray:
    """0, 1, .. within each of the runs that have these lengths."""
    total = np.arange(counts.sum())
    runs: np.ndarray = total - np.repeat(np.cumsum(counts) - counts, counts)
    return runs
