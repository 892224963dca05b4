"""Power of accumulators: signed or unsigned addends, any width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.nets import accumulate, as_signed, unsigned
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width
from pann_hw.power.walk import walk

__all__ = ["Accumulator", "accumulator_trace", "check_accumulator", "paced", "sequence_control"]

MOST_BITS = 63
"""Widest accumulator: int64 holds its words, read without sign."""


@dataclass(frozen=True)
class Accumulator(Unit):
    """``register <- register + addend`` on ``enable``, 0 on ``load``. An operation is an addition.

    A sequence of additions begins with a cycle of ``load``, in which the addend is 0.

    Attributes
    ----------
    bits : width of the addend, 2..16; products of two b-bit operands have 2 b
    width : of sum and register, B, bits..63
    signed : whether the addend is signed: its sign is then extended to the width of the adder

    Raises
    ------
    ValueError : a width out of range
    """

    bits: int
    width: int
    signed: bool

    def __post_init__(self) -> None:
        check_width("bits", self.bits, 2, 16)
        check_accumulator(self.width, self.bits, "addend")

    @property
    def name(self) -> str:
        kind = "signed" if self.signed else "unsigned"
        return f"accumulator_{kind}_{self.bits}_into_{self.width}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"d": (self.bits, self.signed)}

    @property
    def ports(self) -> dict[str, int]:
        return {"addend": self.bits, "load": 1, "enable": 1}

    def formula(self) -> Flips:
        """0.5 B + 2 b signed, 3 b unsigned, where ``bits`` is 2 b."""
        return formulas.accumulate(self.bits, self.width, signed=self.signed)

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Addends: rates of their bits, the sign's as often as it is extended. Sum and register:
        see :mod:`pann_hw.power.walk`."""
        d = statistics["d"]
        rates = d.paced_toggles
        extended = self.width - self.bits if self.signed else 0
        flips = walk(d.values, d.frequency, d.length, self.width)
        return {
            "accumulator_input": float(rates.sum() + extended * rates[-1]),
            "sum": flips.sum,
            "register": flips.register,
        }

    def operations(self, operands: Operands) -> int:
        return int(operands["d"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A cycle of ``load``, then an addition a cycle, for each sequence."""
        d = operands["d"]
        return {"addend": unsigned(paced(d), self.bits), **sequence_control(d.shape)}

    def trace(self, stimulus: Stimulus) -> Trace:
        addend = stimulus["addend"]
        if self.signed:
            addend = as_signed(addend, self.bits)
        return accumulator_trace(addend, stimulus["load"], stimulus["enable"], self.width)


def check_accumulator(width: int, bits: int, what: str) -> None:
    """Raise ValueError where an accumulator cannot hold what it adds."""
    check_width("accumulator_width", width, 2, MOST_BITS)
    if width < bits:
        raise ValueError(
            f"accumulator_width = {width}: too narrow for the {what} of {bits} bits, must be "
            f"{bits}..{MOST_BITS}"
        )


def paced(words: np.ndarray) -> np.ndarray:
    """Sequences one after another, a 0 before each and after the last."""
    return np.append(np.pad(words, ((0, 0), (1, 0))).ravel(), 0)


def sequence_control(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """``load`` and ``enable`` for words that are :func:`paced`."""
    enable = paced(np.ones(shape, np.int64))
    load = 1 - enable
    load[-1] = 0
    return {"load": load, "enable": enable}


def accumulator_trace(
    addend: np.ndarray, load: np.ndarray, enable: np.ndarray, width: int
) -> Trace:
    """The nets of an accumulator: ``addend`` and ``sum``, as wide as ``register``."""
    register = accumulate(addend, load, enable)
    words = {
        "accumulator_input": ("extended", addend),
        "sum": ("sum", register + addend),
        "register": ("register", register),
    }
    return {
        name: (net_class, width, unsigned(values, width))
        for net_class, (name, values) in words.items()
    }
