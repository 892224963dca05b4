"""Patterns in which masters of buses idle and slaves of streams push back."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from sim.benches.streams import bursts, never

__all__ = ["PATTERNS", "one_in_four", "share"]


def one_in_four() -> Iterator[bool]:
    """A pause in all cycles but every fourth."""
    return itertools.cycle((True, True, True, False))


def share(part: float) -> Iterator[bool]:
    """A pause in that part of the cycles, at random."""
    while True:
        yield random.random() < part


PATTERNS = {
    "none": never,
    "one_in_four": one_in_four,
    "10 %": lambda: share(0.1),
    "50 %": lambda: share(0.5),
    "90 %": lambda: share(0.9),
    "bursts": bursts,
}
"""Name -> the cycles in which nothing is offered, or nothing is taken."""
