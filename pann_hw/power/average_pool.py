"""Power of average pooling: an accumulator that begins with the rounding.

A window's activations are a chain in which each depends on the one before. The pair of partial sum
and newest activation is then a chain too; its distribution is carried from addition to addition,
exactly. Long windows are summed as if their activations were independent: correlations matter less
there, and a chain would forget the most lasting ones anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.accumulator import paced, sequence_control
from pann_hw.power.nets import accumulate
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width
from pann_hw.power.windows import check_windows, follow, pair_statistics

__all__ = ["AveragePool"]

_LONGEST_CHAIN = 16
"""Largest window whose activations are a chain at the second level."""


@dataclass(frozen=True)
class AveragePool(Unit):
    """``register <- register + x`` on ``enable``, ``size / 2`` on ``load``.

    An operation is an activation. A window begins with a cycle of ``load``, in which x is 0. Its
    mean, rounded half up, is ``floor((sum + size / 2) / size)``: the upper bits of the register,
    wires that cost nothing.

    Attributes
    ----------
    bits : width of the unsigned activations, 2..8
    size : activations of a window, a power of two, 2..64, such as 16 for 4 x 4

    Raises
    ------
    ValueError : a width out of range, a size that is none of these
    """

    bits: int
    size: int

    def __post_init__(self) -> None:
        check_width("bits", self.bits, 2, 8)
        check_width("size", self.size, 2, 64)
        if self.size & (self.size - 1):
            raise ValueError(f"size = {self.size}: must be a power of two, 2, 4, 8, 16, 32 or 64")

    @property
    def shift(self) -> int:
        """``log2(size)``: bits of the sum below the mean."""
        return self.size.bit_length() - 1

    @property
    def width(self) -> int:
        """Bits of the accumulator: just enough."""
        return self.bits + self.shift

    @property
    def name(self) -> str:
        return f"average_pool_{self.bits}_of_{self.size}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.bits, False)}

    @property
    def ports(self) -> dict[str, int]:
        return {"x": self.bits, "load": 1, "enable": 1}

    def formula(self) -> Flips:
        """``0.5 b (n + 1) / n`` at the accumulator's input, ``0.5 b + u`` in the sum,
        ``0.5 b (n + 1) / n + u`` in the register; ``u = (n - 1 + 0.5 log2 n) / n``, n = size.

        As an unsigned accumulator of words of b bits (see
        :func:`pann_hw.power.formulas.accumulate`), with what short sequences add. Between windows
        the input goes to 0 and the register is loaded: half of b bits once more. The bits above,
        log2 n of them, count the carries, from 0 to about n / 2, which flips ``n - 1`` bits; then
        half of them change as the next window begins.
        """
        word = formulas.register_word(self.bits)
        loaded = word * (self.size + 1) / self.size
        upper = (self.size - 1 + formulas.register_word(self.shift)) / self.size
        return {
            "accumulator_input": loaded,
            "sum": word + upper,
            "register": loaded + upper,
        }

    def measure(self, operands: Operands) -> dict[str, WordStatistics]:
        """Statistics of "x", and of a window's last activation and the next one's first, "across",
        as sequences of two.

        Raises
        ------
        ValueError : words of another shape than (windows, size), out of range or constant
        """
        statistics = super().measure(operands)
        x = operands["x"]
        check_windows(x, self.size)
        return statistics | pair_statistics(self.bits, across=(x[:-1, -1], x[1:, 0]))

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Input: rates of its bits. Sum and register: see :mod:`pann_hw.power.average_pool`."""
        x = statistics["x"]
        begin = self.size // 2
        partial_sums = _chain_sums if self.size <= _LONGEST_CHAIN else _independent_sums
        additions, last = partial_sums(x, self.size)
        sums = np.arange(last.shape[1])
        begins = follow(statistics.get("across"), x.values, x.first)
        inside = _flips(additions, sums, sums + x.values[:, None])
        across = _flips(begins.T @ last, sums, begin + x.values[:, None])
        load = _flips(last, sums, np.array(begin))
        first = _flips(x.first, begin + x.values, np.array(begin))
        return {
            "accumulator_input": float(x.paced_toggles.sum()),
            "sum": (inside + across) / self.size,
            "register": (first + inside + load) / self.size,
        }

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """A cycle of ``load``, then an activation a cycle, for each window."""
        x = operands["x"]
        check_windows(x, self.size)
        return {"x": paced(x), **sequence_control(x.shape)}

    def trace(self, stimulus: Stimulus) -> Trace:
        x, load, enable = (stimulus[port] for port in self.ports)
        begun = np.cumsum(load) - load > 0
        register = accumulate(x, load, enable) + self.size // 2 * begun
        words = {
            "accumulator_input": ("extended", x),
            "sum": ("sum", register + x),
            "register": ("register", register),
        }
        return {name: (kind, self.width, values) for kind, (name, values) in words.items()}


def _chain_sums(x: WordStatistics, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How partial sums come about, float64 (values, sums) for sums from 0, rounding included.

    Returns
    -------
    tuple : additions of each value to each sum, the window's first addition left out; and the
        distribution of (last activation, final sum)
    """
    begin, most = size // 2, int(x.values.max())
    follows = follow(x, x.values, x.frequency)
    state = np.zeros((len(x.values), begin + size * most + 1))
    state[np.arange(len(x.values)), begin + x.values] = x.first
    additions = np.zeros_like(state)
    for count in range(1, size):
        reach = begin + count * most + 1
        adding = follows.T @ state[:, :reach]
        additions[:, :reach] += adding
        state = np.zeros_like(state)
        for index, value in enumerate(x.values):
            state[index, value : value + reach] = adding[index]
    return additions, state


def _independent_sums(x: WordStatistics, size: int) -> tuple[np.ndarray, np.ndarray]:
    """:func:`_chain_sums` of independent activations."""
    begin, most = size // 2, int(x.values.max())
    steps = np.bincount(x.values, x.frequency)
    state = np.bincount(begin + x.values, x.first, begin + size * most + 1)
    added = np.zeros_like(state)
    for _ in range(1, size):
        added += state
        state = np.convolve(state, steps)[: len(state)]
    return np.outer(x.frequency, added), np.outer(x.last, state)


def _flips(weights: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Flips between words that occur with these weights, of shapes that broadcast to theirs."""
    return float((weights * np.bitwise_count(before ^ after)).sum())
