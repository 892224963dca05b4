"""Expected flips of an accumulator, from how its addends are distributed.

The sum is a random walk from 0: ``s_t = s_{t-1} + d_t``. Its low bits are soon uniform, and then
bit i flips where d has the bit and no carry arrives, or the reverse:

    P(flip of bit i) = E_d[ d_i (1 - c_i(d)) + (1 - d_i) c_i(d) ],    c_i(d) = (d mod 2**i) / 2**i

The bits above, which know where the walk began, see a coarser walk ``q = floor(s / 2**m)``, whose
steps are ``floor(d / 2**m)``, one more with probability ``(d mod 2**m) / 2**m``. Its distribution
is carried from step to step exactly. It is what tells how often a signed sum crosses zero and
flips its whole sign extension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Walk", "coarse_steps", "walk"]

_MOST_STEPS = 32
"""Reach of a single coarse step."""

_MOST_STATES = 2048
"""Reach of the coarse walk."""


@dataclass(frozen=True)
class Walk:
    """Flips per addition.

    Attributes
    ----------
    sum : of the adder's output, which goes from a sequence's end straight to the next one's start
    register : which is set to 0 in between
    """

    sum: float
    register: float


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
    """
    low = _low_bits(values, probabilities, length, width)
    lowest, steps = coarse_steps(values, probabilities, low)
    high = np.arange(width - low)
    kernel, begin_at = _widened(steps, lowest, persistence)
    # Flips that a coarse step causes on average, for every place that the walk can reach.
    origin = min(0, begin_at) * length
    places = np.arange(origin, max(0, begin_at + len(kernel) - 1) * length + 1)
    changed = places[:, None] ^ (places[:, None] + np.arange(lowest, lowest + len(steps)))
    cost = np.bitwise_count(changed & ((1 << (width - low)) - 1)) @ steps

    state, start, between = np.ones(1), 0, 0.0
    for index in range(length):
        flips = float(state @ cost[start - origin :][: len(state)])
        state, start = np.convolve(state, kernel), start + begin_at
        if index:
            between += flips
        else:
            begin, first = flips, _ones(state, start, high)
    last = _ones(state, start, high)

    low_ones = sum(float((values >> bit & 1) @ probabilities) for bit in range(low))
    mixed = sum(_mixed(values, probabilities, bit) for bit in range(low)) * (length - 1)
    inside = between + mixed + 0.5 * low
    across = float((first * (1 - last) + last * (1 - first)).sum())
    return Walk(
        (inside + across) / length, (inside + float(last.sum()) + begin + low_ones) / length
    )


def _widened(steps: np.ndarray, lowest: int, persistence: float) -> tuple[np.ndarray, int]:
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
    """As few as keep the coarse walk small."""
    mean = float(values @ probabilities)
    deviation = float(((values - mean) ** 2 @ probabilities) ** 0.5)
    step = float(np.abs(values).max())
    reach = min(abs(mean) * length + 6 * deviation * length**0.5, step * length)
    low = 0
    while low < width - 1 and (step / 2**low > _MOST_STEPS or reach / 2**low > _MOST_STATES):
        low += 1
    return low


def _ones(state: np.ndarray, start: int, bits: np.ndarray) -> np.ndarray:
    positions = np.arange(start, start + len(state))
    rates: np.ndarray = state @ ((positions[:, None] >> bits) & 1)
    return rates


def _mixed(values: np.ndarray, probabilities: np.ndarray, bit: int) -> float:
    carry = (values & ((1 << bit) - 1)) / 2**bit
    ones = values >> bit & 1
    return float(probabilities @ (ones * (1 - carry) + (1 - ones) * carry))
