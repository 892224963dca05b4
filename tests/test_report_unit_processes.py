"""Measuring in processes side by side: the real counters, errors, and how it ends."""

from __future__ import annotations

import multiprocessing
import time

import pytest

from pann_hw.errors import InputError
from pann_hw.report import unit_measure
from pann_hw.report.unit_measure import Job
from pann_hw.report.unit_processes import measure_all
from tests.unit_reports import JOB, WIDTHS, Viewed, small_sources, software_runs

JOBS = [JOB, Job(3, WIDTHS, 2.0, ("multiplier_array_*",))]


def test_verilator_counts_what_software_counts(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process and in two; the second finds the simulators built."""
    sources = [*small_sources(seed), Viewed(seed)]
    ticks: list[None] = []
    found = measure_all(JOBS, sources, 1, lambda: ticks.append(None))
    assert len(ticks) == len(found) == 3 * (6 + 1)

    ticks.clear()
    assert measure_all(JOBS, sources, 2, lambda: ticks.append(None)) == found
    assert len(ticks) == len(found)

    monkeypatch.setattr(unit_measure, "run_units", software_runs)
    assert measure_all(JOBS, sources, 1) == found


def test_an_error_in_a_process_ends_all() -> None:
    """The other process would build for long."""
    jobs = [Job(8, WIDTHS, 2.0), Job(4, WIDTHS, 0.1, ("pann",))]
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"additions = 0\.0: must be above 0"):
        measure_all(jobs, small_sources(), 2)
    assert time.monotonic() - begin < 30
    assert multiprocessing.active_children() == []


def test_an_interrupt_ends_all_at_once() -> None:
    begin = 0.0

    def interrupt() -> None:
        nonlocal begin
        begin = time.monotonic()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_all([*JOBS, Job(8, WIDTHS, 2.0)], small_sources(), 2, interrupt)
    assert time.monotonic() - begin < 10
    assert multiprocessing.active_children() == []
