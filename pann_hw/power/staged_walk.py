"""Expected flips of an accumulator whose addends change their distribution on the way.

The walk of :mod:`pann_hw.power.walk`, in stages; and besides its flips, how often its upper bits
make which step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.power.walk import (
    _NEVER,
    _low_bits,
    _mixed,
    _moves,
    _ones,
    _widened,
    coarse_steps,
)

__all__ = ["Stage", "StagedWalk", "staged_walk"]


@dataclass(frozen=True, eq=False)
class Stage:
    """Addends of a part of a sequence.

    Attributes
    ----------
    values, probabilities : int64 and float64 (n,), the addends' distribution
    length : additions
    share : of all sequences
    persistence : as of :func:`pann_hw.power.walk.walk`
    """

    values: np.ndarray
    probabilities: np.ndarray
    length: int
    share: float = 1.0
    persistence: float = 1.0


@dataclass(frozen=True, eq=False)
class StagedWalk:
    """Flips, and steps of the upper bits.

    Attributes
    ----------
    sum, register : flips per addition, as of :class:`pann_hw.power.walk.Walk`
    additions : of a sequence, on average
    lowest, steps : smallest step of the upper bits, and float64, how many of all additions make it
        and those that follow by 1
    """

    sum: float
    register: float
    additions: float
    lowest: int
    steps: np.ndarray

    @property
    def moved(self) -> float:
        """Additions that change the upper bits, of all."""
        return 1 - float(self.steps[-self.lowest]) if self.lowest <= 0 else 1.0


@dataclass(frozen=True, eq=False)
class _Places:
    """How often the coarse walk is at ``lowest`` and at the places that follow by 1."""

    lowest: int
    often: np.ndarray

    @property
    def reached(self) -> tuple[np.ndarray, np.ndarray]:
        """The places where it is at all, and how often."""
        at = np.flatnonzero(self.often)
        return self.lowest + at, self.often[at]

    def ones(self, width: int) -> np.ndarray:
        """How often each bit is 1."""
        places, often = self.reached
        return _ones(often, places, width)


def staged_walk(begin: Stage, ends: Sequence[Stage], width: int, split: int = 0) -> StagedWalk:
    """Flips of an accumulator that adds one stage's addends, then another's, then starts at 0.

    Parameters
    ----------
    begin : what all sequences add, one addend or more
    ends : what shares of them, at most 1 together, add after that
    width : bits of the accumulator, which wraps
    split : lowest of the upper bits, 0..width - 1
    """
    low = max(
        _low_bits(stage.values, stage.probabilities, stage.length, width)
        for stage in (begin, *ends)
    )
    values, probabilities = begin.values, begin.probabilities
    start = int((values >> low).min())
    state = _Places(start, np.bincount((values >> low) - start, probabilities))
    visits, state = _travel(begin, state, begin.length - 1, low)
    travelled = [(begin, visits)]
    upper = (1 - sum(stage.share for stage in ends)) * state.ones(width - low)
    for stage in ends:
        some = _Places(state.lowest, stage.share * state.often)
        visits, end = _travel(stage, some, stage.length, low)
        travelled.append((stage, visits))
        upper = upper + end.ones(width - low)
    flips = sum(_flips(*part, low, width) for part in travelled)

    lowest = min(int(stage.values.min()) >> split for stage in (begin, *ends))
    highest = max(int(stage.values.max()) >> split for stage in (begin, *ends))
    steps = np.bincount((values >> split) - lowest, probabilities, highest - lowest + 2)
    for part in travelled:
        _add_steps(*part, low, split, steps, lowest)

    additions = begin.length + sum(stage.share * stage.length for stage in ends)
    first = _ones(probabilities, values, width)
    last = np.concatenate([np.full(low, 0.5), upper]) if additions > 1 else first
    across = float((first * (1 - last) + last * (1 - first)).sum())
    return StagedWalk(
        (flips + across) / additions,
        (flips + float((first + last).sum())) / additions,
        additions,
        lowest,
        steps / additions,
    )


def _travel(stage: Stage, begin: _Places, length: int, low: int) -> tuple[_Places, _Places]:
    """How often each place is left for the next, and where the walk ends."""
    moves = _moves(stage.values, stage.probabilities, low)
    kernel, shift = _widened(*moves, stage.persistence)
    state, start = begin.often, begin.lowest
    origin = start + min(0, shift) * length
    visits = np.zeros(len(state) + (len(kernel) + abs(shift)) * length)
    for _ in range(length):
        visits[start - origin :][: len(state)] += state
        state, start = np.convolve(state, kernel), start + shift
        likely = np.flatnonzero(np.abs(state) > _NEVER)
        state, start = state[likely[0] : likely[-1] + 1], start + int(likely[0])
    return _Places(origin, visits), _Places(start, state)


def _flips(stage: Stage, visits: _Places, low: int, width: int) -> float:
    """Flips of the additions that leave these places."""
    places, often = visits.reached
    mask = (1 << (width - low)) - 1
    lowest, steps = coarse_steps(stage.values, stage.probabilities, low)
    total = float(often.sum())
    flips = sum(_mixed(stage.values, stage.probabilities, bit) * total for bit in range(low))
    for step, share in enumerate(steps.tolist(), lowest):
        if share:
            crossed = np.bitwise_count((places ^ (places + step)) & mask)
            flips += share * float(often @ crossed)
    return flips


def _add_steps(
    stage: Stage, visits: _Places, low: int, split: int, total: np.ndarray, origin: int
) -> None:
    """Count, into ``total`` from ``origin`` on, the steps of the bits from ``split`` up."""
    places, often = visits.reached
    reached = float(often.sum())
    lowest, steps = coarse_steps(stage.values, stage.probabilities, min(low, split))
    if split <= low:
        total[lowest - origin :][: len(steps)] += reached * steps
        return
    upper = split - low
    below = places & ((1 << upper) - 1)
    for step, share in enumerate(steps.tolist(), lowest):
        whole = step >> upper
        # The bits below the split carry 1, or nothing.
        carried = float(often @ (((below + step) >> upper) - whole))
        total[whole - origin] += share * (reached - carried)
        if carried:
            total[whole - origin + 1] += share * carried
