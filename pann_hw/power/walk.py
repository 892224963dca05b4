"""Expected flips of an accumulator, from how its addends are distributed.

The sum is a random walk from 0: ``s_t = s_{t-1} + d_t``. The distribution of the first sum is that
of d; it is carried from step to step exactly where that is little work. Of a long walk or of wide
addends the m low bits are taken as uniform from the second sum on, and bit i of them flips where d
has the bit and no carry arrives, or the reverse:

    P(flip of bit i) = E_d[ d_i (1 - c_i(d)) + (1 - d_i) c_i(d) ],    c_i(d) = (d mod 2**i) / 2**i

The bits above, which know where the walk began, see a coarser walk ``q = floor(s / 2**m)``, whose
steps are ``floor(d / 2**m)``, one more with probability ``(d mod 2**m) / 2**m``, and which strays
from 0 as far as s does. It is what tells how often a signed sum crosses zero and flips its whole
sign extension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Walk", "coarse_steps", "moving", "walk"]

_MOST_WORK = 2**26
"""Multiplications of a walk, a tenth of a second: as many low bits are left out as that takes."""

_NEVER = 1e-12
"""Places of the walk that are less probable are left out at its ends."""


@dataclass(frozen=True)
class Walk:
    """Flips per addition.

    Attributes
    ----------
    sum : of the adder's output, which goes from a sequence's end straight to the next one's start
    register : which is set to 0 in between
    moved : additions that change a bit from ``split`` up, of all
    """

    sum: float
    register: float
    moved: float


def coarse_steps(
    values: np.ndarray, probabilities: np.ndarray, low_bits: int
) -> tuple[int, np.ndarray]:
    """Steps of ``floor(s / 2**low_bits)`` where the low bits of s are uniform.

    Returns
    -------
    tuple : the smallest step, and float64 probabilities of it and those that follow by 1
    """
    whole = values >> low_bits
    part = (values & ((1 << low_bits) - 1)) / 2**low_bits
    lowest = int(whole.min())
    steps = np.zeros(int(whole.max()) - lowest + 2)
    np.add.at(steps, whole - lowest, probabilities * (1 - part))
    np.add.at(steps, whole + 1 - lowest, probabilities * part)
    return lowest, steps


def walk(
    values: np.ndarray,
    probabilities: np.ndarray,
    length: int,
    width: int,
    persistence: float = 1.0,
    split: int = 0,
) -> Walk:
    """Flips of an accumulator that adds ``length`` addends, then starts again at 0.

    Parameters
    ----------
    values, probabilities : int64 and float64 (n,), the addends' distribution
    length : additions of a sequence, 1 or more
    width : bits of the accumulator, which wraps
    persistence : variance of a long sum over that of as many independent addends: above 1 where
        successive addends resemble each other. The walk then strays further from 0, while each
        step crosses what it crosses.
    split : of ``moved``, 0..width - 1
    """
    low = _low_bits(values, probabilities, length, width)
    lowest, steps = coarse_steps(values, probabilities, low)
    kernel, shift = _widened(*_moves(values, probabilities, low), persistence)
    first = _ones(probabilities, values, width)

    start = int((values >> low).min())
    state = np.bincount((values >> low) - start, probabilities)
    # How often each place, counted from ``origin``, is left for the next.
    origin = start + min(0, shift) * length
    visits = np.zeros(len(state) + (len(kernel) + abs(shift)) * length)
    for _ in range(length - 1):
        visits[start - origin :][: len(state)] += state
        state, start = np.convolve(state, kernel), start + shift
        likely = np.flatnonzero(np.abs(state) > _NEVER)
        state, start = state[likely[0] : likely[-1] + 1], start + int(likely[0])
    last = first
    if length > 1:
        places = np.arange(start, start + len(state))
        last = np.concatenate([np.full(low, 0.5), _ones(state, places, width - low)])

    left = np.flatnonzero(visits)
    mask = (1 << (width - low)) - 1
    crossed, moved = np.zeros((2, len(left)))
    upper = max(split - low, 0)
    for step, probability in enumerate(steps, lowest):
        if probability:
            changed = (left + origin) ^ (left + origin + step)
            crossed += probability * np.bitwise_count(changed & mask)
            moved += probability * (changed >> upper != 0)
    mixed = sum(_mixed(values, probabilities, bit) for bit in range(low))
    inside = float(visits[left] @ crossed) + mixed * (length - 1)
    across = float((first * (1 - last) + last * (1 - first)).sum())
    if split < low:
        moves = (length - 1) * moving(values, probabilities, split)
    else:
        moves = float(visits[left] @ moved)
    moves += float(probabilities @ (values >> split != 0))
    return Walk(
        (inside + across) / length,
        (inside + float((first + last).sum())) / length,
        moves / length,
    )


def moving(values: np.ndarray, probabilities: np.ndarray, low_bits: int) -> float:
    """How often ``floor(s / 2**low_bits)`` changes where the low bits of s are uniform."""
    lowest, steps = coarse_steps(values, probabilities, low_bits)
    still = float(steps[-lowest]) if 0 <= -lowest < len(steps) else 0.0
    return 1 - still


def _moves(values: np.ndarray, probabilities: np.ndarray, low_bits: int) -> tuple[int, np.ndarray]:
    """Moves of the coarse walk, with the mean and the variance of the addends.

    The coarse steps, as independent ones, would stray too far: after a carry there is none soon.
    So an addend is shared by the three places around it, such that its square is right too.
    """
    nearest = (values + (1 << low_bits >> 1)) >> low_bits
    rest = values / 2**low_bits - nearest
    lowest = int(nearest.min()) - 1
    moves = np.zeros(int(nearest.max()) - lowest + 2)
    np.add.at(moves, nearest - lowest - 1, probabilities * rest * (rest - 1) / 2)
    np.add.at(moves, nearest - lowest, probabilities * (1 - rest**2))
    np.add.at(moves, nearest - lowest + 1, probabilities * rest * (rest + 1) / 2)
    return lowest, moves


def _widened(lowest: int, steps: np.ndarray, persistence: float) -> tuple[np.ndarray, int]:
    """The steps' distribution with ``persistence`` times its variance, and its lowest step."""
    places = np.arange(len(steps))
    variance = float(places**2 @ steps - (places @ steps) ** 2)
    extra = (persistence - 1) * variance
    if extra <= 0:
        return steps, lowest
    if extra < 1:
        spread = np.array([extra / 2, 1 - extra, extra / 2])
    else:
        reach = math.ceil(4 * math.sqrt(extra))
        spread = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * extra))
        spread /= spread.sum()
    return np.convolve(steps, spread), lowest - len(spread) // 2


def _low_bits(values: np.ndarray, probabilities: np.ndarray, length: int, width: int) -> int:
    """As few as keep the walk's work small; none where that is all of it."""
    mean = float(values @ probabilities)
    deviation = float(((values - mean) ** 2 @ probabilities) ** 0.5)
    low = 0
    while low < width - 1:
        steps = float(values.max() - values.min()) / 2**low + 2
        places = min(steps * length, 14 * deviation * length**0.5 / 2**low + steps)
        if length * steps * places <= _MOST_WORK:
            break
        low += 1
    return low


def _ones(probabilities: np.ndarray, words: np.ndarray, width: int) -> np.ndarray:
    """How often each bit of words that have these probabilities is 1."""
    return np.array([float(probabilities @ (words >> bit & 1)) for bit in range(width)])


def _mixed(values: np.ndarray, probabilities: np.ndarray, bit: int) -> float:
    carry = (values & ((1 << bit) - 1)) / 2**bit
    ones = values >> bit & 1
    return float(probabilities @ (ones * (1 - carry) + (1 - ones) * carry))
