"""Measures units: counted in Verilator, compared with software net by net, predicted."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pann_hw.errors import InputError, MismatchError
from pann_hw.power.catalogue import Entry, catalogue
from pann_hw.power.sources import Source
from pann_hw.power.unit import CLASSES, Flips, Operands, Stimulus, Unit, net_flips
from pann_hw.report.units import Measurement
from sim.unit_bench import run_units

__all__ = ["Job", "entries_of", "measure"]

_MOST_INDEPENDENT = 10
"""Bits of an operand up to which all words of independent bits are listed."""


@dataclass(frozen=True)
class Job:
    """Units of one operand width.

    Attributes
    ----------
    bits, widths, additions : as of :class:`pann_hw.report.units.Report`
    patterns : of group or name, with * and ?; units that match one are measured
    """

    bits: int
    widths: tuple[int, ...]
    additions: float
    patterns: tuple[str, ...] = ("*",)


def entries_of(job: Job) -> list[Entry]:
    """The units of a job, with the operands that each takes of a source.

    Raises
    ------
    InputError : a width or R out of range
    """
    try:
        entries = catalogue(job.bits, job.widths, job.additions)
    except ValueError as error:
        raise InputError(str(error)) from None
    return [
        entry
        for entry in entries
        if any(
            fnmatch.fnmatchcase(text, pattern)
            for text in (entry.group, entry.unit.name)
            for pattern in job.patterns
        )
    ]


def measure(
    job: Job, sources: Sequence[Source], progress: Callable[[], None] = lambda: None
) -> list[Measurement]:
    """Measure the units of a job in one simulator.

    Parameters
    ----------
    progress : called after each measurement

    Raises
    ------
    InputError : parameters or data that a unit cannot take
    MismatchError : Verilator and software count differently
    ToolError : a tool is missing or fails
    """
    entries = entries_of(job)
    found: dict[tuple[int, int], Measurement] = {}
    # All of them first: what a unit cannot take is then found before anything is built.
    taken = [[_operands(entry, source) for entry in entries] for source in sources]
    for column, (source, operands) in enumerate(zip(sources, taken, strict=True)):
        stimuli = [
            entry.unit.stimulus(given) for entry, given in zip(entries, operands, strict=True)
        ]
        counted = _count([entry.unit for entry in entries], stimuli)
        for row, entry in enumerate(entries):
            found[row, column] = _measurement(
                job.bits, entry, source.name, operands[row], stimuli[row], counted[row]
            )
            progress()
    return [found[key] for key in sorted(found)]


def _operands(entry: Entry, source: Source) -> Operands:
    try:
        return entry.operands(source)
    except ValueError as error:
        raise InputError(f"{entry.unit.name} on {source.name} data: {error}") from None


def _count(units: Sequence[Unit], stimuli: Sequence[Stimulus]) -> list[dict[str, np.ndarray]]:
    """Toggles in Verilator: net -> int64 (width,), for each unit and its stimulus.

    A simulator has every unit once: one that comes again, with other operands, waits for a further
    run.
    """
    runs: list[dict[str, Stimulus]] = []
    places = []
    for unit, stimulus in zip(units, stimuli, strict=True):
        turn = sum(unit.name in run for run in runs)
        if turn == len(runs):
            runs.append({})
        runs[turn][unit.name] = stimulus
        places.append((turn, unit.name))
    done = run_units(list(dict.fromkeys(units)), runs)
    return [done[turn][name].flips for turn, name in places]


def _measurement(
    bits: int,
    entry: Entry,
    source: str,
    operands: Operands,
    stimulus: Stimulus,
    counted: dict[str, np.ndarray],
) -> Measurement:
    unit = entry.unit
    operations = unit.operations(operands)
    totals: dict[str, int] = {}
    net_bits = 0
    trace = unit.trace(stimulus)
    for net, (net_class, width, values) in trace.items():
        flips = counted[net]
        _compare(f"{unit.name} on {source} data: net {net}", net_flips(values, width), flips)
        totals[net_class] = totals.get(net_class, 0) + int(flips.sum())
        net_bits += width
    try:
        statistics = unit.measure(operands)
        predicted = unit.predict(statistics)
        independent = None
        if all(width <= _MOST_INDEPENDENT for width, _ in unit.operands.values()):
            independent = unit.predict(
                {
                    name: statistics[name].independent_bits(signed=signed)
                    for name, (_, signed) in unit.operands.items()
                }
            )
    except ValueError as error:
        raise InputError(f"{unit.name} on {source} data: {error}") from None
    given: Any = unit  # A dataclass, as all units are.
    return Measurement(
        bits=bits,
        group=entry.group,
        unit=unit.name,
        type=type(unit).__name__,
        # Tuples as lists, as they come back from a file.
        parameters=json.loads(json.dumps(asdict(given))),
        source=source,
        operations=operations,
        nets=len(trace),
        net_bits=net_bits,
        formula=_ordered(unit.formula()),
        predicted=_ordered(predicted),
        independent=None if independent is None else _ordered(independent),
        counted=_ordered({name: total / operations for name, total in totals.items()}),
    )


def _compare(where: str, expected: np.ndarray, found: np.ndarray) -> None:
    for bit in np.flatnonzero(expected != found)[:1]:
        raise MismatchError(
            f"{where}, bit {bit}: {found[bit]} flips counted in Verilator, {expected[bit]} in "
            f"software; {int((expected != found).sum())} of {len(expected)} bits differ"
        )


def _ordered(flips: Flips) -> Flips:
    return {name: float(flips[name]) for name in CLASSES if name in flips}
