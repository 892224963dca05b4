"""Units of several operand widths measured side by side, a process and a simulator for each."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from pann_hw.errors import ToolError
from pann_hw.power.source import Source
from pann_hw.report.unit_measure import Job, measure
from pann_hw.report.units import Measurement

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import SimpleQueue

__all__ = ["measure_all"]

_given: tuple[SimpleQueue[None], Sequence[Source]]
"""In a process that measures: where to report progress, and the data."""


def measure_all(
    jobs: Sequence[Job],
    sources: Sequence[Source],
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> list[Measurement]:
    """Measure all units of all jobs; what is raised is what :func:`measure` raises.

    Parameters
    ----------
    processes : at most so many at a time; 1 measures in this one
    progress : called after each measurement
    """
    if min(processes, len(jobs)) < 2:
        return [item for job in jobs for item in measure(job, sources, progress)]
    # Threads of other libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ticks = context.SimpleQueue()
    # Pickled here: the pool's own pickling moves torch's tensors to shared memory, away from under
    # NumPy's views of them.
    given = (ticks, pickle.dumps(sources))
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(processes, context, _begin, given) as pool:
        # The widest take longest: begun first, they do not keep the others waiting at the end.
        futures = {
            job: pool.submit(_measure, job)
            for job in sorted(jobs, key=lambda job: job.bits, reverse=True)
        }
        waiting = set(futures.values())
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_EXCEPTION)
                while not ticks.empty():
                    ticks.get()
                    progress()
                for future in done:
                    future.result()
        except BrokenProcessPool:
            raise ToolError(
                "a process that measures was killed, for memory perhaps: use --jobs 1"
            ) from None
        except BaseException:
            # The pool's own thread waits for the processes too, and may take their exit codes
            # first: only when it is through, as the pool closes, are they gone for both.
            _end(set(multiprocessing.active_children()) - others)
            raise
    return [item for job in jobs for item in futures[job].result()]


def _end(processes: set[BaseProcess]) -> None:
    """End processes at once, but for a moment in which they tidy up."""
    for process in processes:
        process.terminate()
    time.sleep(1)
    for process in processes:
        process.kill()
        process.join()


def _begin(ticks: SimpleQueue[None], sources: bytes) -> None:
    global _given
    _given = (ticks, pickle.loads(sources))
    # The terminal interrupts every process; the one that began this one ends it in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _measure(job: Job) -> list[Measurement]:
    ticks, sources = _given
    # Temporary files go when an exception passes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return measure(job, sources, lambda: ticks.put(None))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
