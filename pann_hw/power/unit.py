"""One interface for the power of every arithmetic unit, at three levels of precision.

1. ``formula()``: a closed formula for uniform inputs, from the widths alone.
2. ``predict(statistics)``: from the statistics of each operand by itself, as measured on real data.
3. ``count(operands)``: the exact number, from every value of every net in every cycle.

The unit's circuit in ``rtl_gen.units`` has the ports of ``ports`` and a signal for each net of
``trace``; simulation counts the very same flips, net by net.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from pann_hw.power.statistics import WordStatistics, check_words

__all__ = ["CLASSES", "Flips", "Operands", "Stimulus", "Trace", "Unit", "check_width", "net_flips"]

CLASSES = ("inputs", "internal", "accumulator_input", "sum", "register")
"""Classes of nets: operands as they arrive; what a multiplier or a comparison computes inside; what
enters the accumulator's adder; what leaves it; what holds it."""

Flips = dict[str, float]
"""Class -> flips per operation. Classes that a unit lacks are left out."""

Operands = Mapping[str, np.ndarray]
"""Operand -> int64 (sequences, length): words in order of time, a row for each result."""

Stimulus = Mapping[str, np.ndarray]
"""Input port -> int64 (cycles,), unsigned words of the port's width."""

Trace = dict[str, tuple[str, int, np.ndarray]]
"""Net -> class, width in bits, int64 (cycles,): its settled value in each cycle."""


class Unit(ABC):
    """An arithmetic unit: its power at three levels, and what simulation must see.

    All flips are per operation; what an operation is, each unit says. Time begins with all inputs
    and registers at 0, and every net settles once a cycle (no glitches, no clock).
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """An identifier that tells kind and widths: the unit's Verilog module."""

    @property
    @abstractmethod
    def operands(self) -> dict[str, tuple[int, bool]]:
        """Operand -> its width in bits, and whether it is signed."""

    @property
    @abstractmethod
    def ports(self) -> dict[str, int]:
        """Input ports of the circuit and their widths."""

    @abstractmethod
    def formula(self) -> Flips:
        """Level 1: flips by the closed formula, inputs uniform over their whole range."""

    def measure(self, operands: Operands) -> dict[str, WordStatistics]:
        """The statistics of each operand by itself.

        Raises
        ------
        ValueError : an operand without words, constant, or with a word out of its range
        """
        return {
            name: WordStatistics.of(operands[name], width, signed=signed, what=name)
            for name, (width, signed) in self.operands.items()
        }

    @abstractmethod
    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Level 2: flips expected of operands that have these statistics, independently."""

    @abstractmethod
    def operations(self, operands: Operands) -> int:
        """How many operations the operands are."""

    @abstractmethod
    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """What drives the ports, cycle by cycle; in the last cycle every port is 0.

        With all ports at 0 no net changes, so that longer runs of 0 count the same.
        """

    @abstractmethod
    def trace(self, stimulus: Stimulus) -> Trace:
        """The value of every counted net in every cycle of the stimulus."""

    def count(self, operands: Operands) -> Flips:
        """Level 3: the exact flips that the operands cause.

        Raises
        ------
        ValueError : an operand without words, with one that is no integer or out of its range, or
            of another shape than the others
        """
        words = {
            name: check_words(operands[name], width, signed=signed, what=name)
            for name, (width, signed) in self.operands.items()
        }
        shapes = {name: array.shape for name, array in words.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"operands of shapes {shapes}: must be the same")
        totals: Flips = {}
        for net_class, width, values in self.trace(self.stimulus(words)).values():
            totals[net_class] = totals.get(net_class, 0) + int(net_flips(values, width).sum())
        operations = self.operations(words)
        return {name: totals[name] / operations for name in CLASSES if name in totals}


def net_flips(values: np.ndarray, width: int) -> np.ndarray:
    """Flips of each of a net's bits, int64 (width,), lowest bit first: changes between cycles."""
    words = values.astype(np.int64)
    changed = (words[1:] ^ words[:-1])[:, None] >> np.arange(width)
    flips: np.ndarray = (changed & 1).sum(0)
    return flips


def check_width(what: str, value: int, low: int, high: int) -> None:
    """Raise ValueError, naming value and range, where a width is none of ``low..high``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise ValueError(f"{what} = {value!r}: must be a whole number, {low}..{high}")
    if not low <= value <= high:
        raise ValueError(f"{what} = {value}: must be {low}..{high}")
