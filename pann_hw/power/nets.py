"""Nets in software: words to bits, circuits to the values of their nets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pann_hw.power.adders import Bit, Probe

__all__ = ["accumulate", "as_signed", "evaluate", "from_bits", "grid", "unsigned", "word_bits"]


def word_bits(words: np.ndarray, width: int) -> list[np.ndarray]:
    """The bits of words, lowest first, as arrays of bool; negative words in two's complement."""
    return [(words >> bit & 1).astype(bool) for bit in range(width)]


def from_bits(bits: Sequence[Bit]) -> np.ndarray:
    """The unsigned words, int64, of bits that are arrays of bool, tied to 1, or None for 0."""
    total = np.zeros((), np.int64)
    for position, bit in enumerate(bits):
        if bit is not None:
            total = total + (np.asarray(bit, np.int64) << position)
    return total


def unsigned(words: np.ndarray, width: int) -> np.ndarray:
    """Two's complement words as their bits read without sign."""
    bits: np.ndarray = words & ((1 << width) - 1)
    return bits


def as_signed(words: np.ndarray, width: int) -> np.ndarray:
    """Unsigned words read as two's complement."""
    values: np.ndarray = words - ((words >> (width - 1) & 1) << width)
    return values


def evaluate(
    circuit: Callable[[Sequence[Bit], Sequence[Bit], Probe], list[Bit]],
    x: tuple[np.ndarray, int],
    w: tuple[np.ndarray, int],
    *,
    outputs: bool = True,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every net of a circuit of two operands, and the word that it computes.

    Parameters
    ----------
    circuit : such as those of :mod:`pann_hw.power.products`
    x, w : words and width of each operand; the words' shapes broadcast
    outputs : False leaves out nets that are bits of the result

    Returns
    -------
    tuple : net -> bool array, and int64 unsigned words
    """
    nets: dict[str, np.ndarray] = {}

    def probe(name: str, value: Bit) -> Bit:
        nets[name] = value
        return value

    bits = circuit(word_bits(*x), word_bits(*w), probe)
    if not outputs:
        # The result is wires: the objects themselves tell which nets they are.
        result = {id(bit) for bit in bits}
        nets = {name: value for name, value in nets.items() if id(value) not in result}
    return nets, from_bits(bits)


def grid(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All combinations of two operands' values: x down, w across."""
    return x[:, None] + 0 * w, 0 * x[:, None] + w


def accumulate(addend: np.ndarray, load: np.ndarray, enable: np.ndarray) -> np.ndarray:
    """An accumulator's register in each cycle, from 0: 0 after ``load``, plus ``addend`` after
    ``enable``; int64 without wrapping."""
    steps = np.where(load.astype(bool), 0, addend * enable)
    total = np.concatenate([[0], np.cumsum(steps)])[:-1]
    after = np.concatenate([[0], np.flatnonzero(load) + 1])
    latest = after[np.searchsorted(after, np.arange(len(load)), side="right") - 1]
    register: np.ndarray = total - total[latest]
    return register
