"""What the steps of a benchmark take: time on the clock and on all cores, and memory."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from pann_hw.commands.console import say

__all__ = ["Clock", "Step"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Step:
    """What a step took.

    Attributes
    ----------
    seconds : on the clock
    cpu_seconds : of this process and of children that have ended
    peak_megabytes : largest resident set of this process, or of a child, up to the step's end
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_megabytes: int


class Clock:
    """Runs steps one after another and keeps what each took.

    Attributes
    ----------
    steps : so far
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(
        self, name: str, step: Callable[Given, Result], *args: Given.args, **named: Given.kwargs
    ) -> Result:
        """``step(*args, **named)``, its name shown on standard error."""
        say(name)
        wall, cpu = time.monotonic(), _cpu_seconds()
        result = step(*args, **named)
        seconds = time.monotonic() - wall
        self.steps.append(Step(name, seconds, _cpu_seconds() - cpu, _peak_megabytes()))
        return result


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _peak_megabytes() -> int:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024
