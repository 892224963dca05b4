"""``pann-hw power units``: power models of arithmetic units held against counted toggles."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import bar, say, table
from pann_hw.commands.folder import output_folder
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.power.source import Source
    from pann_hw.report.units import Report

__all__ = ["add_arguments", "run", "show"]

_REPORT = "units.json"

_LEAST_ADDITIONS = 0.5
"""Uniform weights all round to 0 at half of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--bits", default="2-8", metavar="LIST",
        help="widths of operands, b: numbers and ranges such as 2,4-6; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--widths", default="16,24,32", metavar="LIST",
        help="widths of accumulators, B; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--additions", type=float, default=2.0, metavar="R",
        help="PANN's additions per weight; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--sources", default="uniform,gaussian,sparse,recorded", metavar="NAMES",
        help="kinds of data; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--units", default="*", metavar="PATTERNS",
        help="measure only units whose group or name matches one of these, separated by commas, "
        "with * for any text: mac, 'mac*', '*booth*'; default all",
    )  # fmt: skip
    parser.add_argument(
        "--network", metavar="NETWORK",
        help="record this network's operands (.pt2 or module.py:factory) on --data; default the "
        "network of pann-hw demo",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="FILE", help=".npz with x (network inputs)")
    parser.add_argument(
        "--output", type=Path, default=Path("build/units"), metavar="FOLDER",
        help=f"{_REPORT} and the plots go there; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the data; default %(default)s")
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="processes; default %(default)s"
    )
    parser.add_argument(
        "--load", type=Path, metavar="FILE",
        help=f"measure nothing, show and draw an earlier {_REPORT}",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure, compare, draw."""
    from pann_hw.report.unit_plots import save_plots
    from pann_hw.report.unit_store import load_report, save_report, to_dict

    folder = check_writable(args.output, folder=True)
    begin = time.monotonic()
    report = _measured(args) if args.load is None else load_report(args.load)
    with output_folder(folder) as part:
        save_report(report, part / _REPORT)
        save_plots(report, part)
    say(f"{_REPORT} and plots: {folder} ({time.monotonic() - begin:.0f} s)")
    return to_dict(report)


def _measured(args: argparse.Namespace) -> Report:
    from pann_hw.power.source import MOST_ADDITIONS
    from pann_hw.report.unit_measure import Job, entries_of
    from pann_hw.report.unit_processes import measure_all
    from pann_hw.report.units import Report
    from sim.toolchain import environment

    names = _sources(args)
    bits = _numbers("--bits", args.bits, 2, 8)
    widths = _numbers("--widths", args.widths, 2 * max(bits), 64)
    if not _LEAST_ADDITIONS <= args.additions <= MOST_ADDITIONS:
        raise InputError(
            f"--additions {args.additions}: must be {_LEAST_ADDITIONS}..{MOST_ADDITIONS}"
        )
    if not 1 <= args.jobs <= 64:
        raise InputError(f"--jobs {args.jobs}: must be 1..64")
    patterns = tuple(args.units.split(","))
    jobs = [Job(b, widths, args.additions, patterns) for b in bits]
    counts = {job: len(entries_of(job)) for job in jobs}
    if not sum(counts.values()):
        groups = {entry.group for entry in entries_of(Job(bits[0], widths, args.additions))}
        raise InputError(
            f"--units {args.units}: matches no unit; groups are {', '.join(sorted(groups))}"
        )
    jobs = [job for job in jobs if counts[job]]
    environment()  # A missing compiler is better known before a network is trained.
    sources = _create(args, names)
    say("building simulators (kept for the next time), counting, predicting")
    with bar("measured", sum(counts.values()) * len(sources)) as step:
        found = measure_all(jobs, sources, args.jobs, step)
    network = args.network or "digits"
    return Report(bits, widths, args.additions, names, network, args.seed, tuple(found))


def _numbers(option: str, text: str, low: int, high: int) -> tuple[int, ...]:
    """The numbers of a list such as ``2,4-6``, each once, ascending."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,4})(?:-(\d{1,4}))?\s*", part)
        if match is None:
            raise InputError(f"{option} {text}: {part!r} is no number or range such as 2-8")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise InputError(f"{option} {text}: {part} is empty, give {last}-{first}")
        for value in (first, last):
            if not low <= value <= high:
                why = ", twice the widest operand at least" if option == "--widths" else ""
                raise InputError(f"{option} {text}: {value} must be {low}..{high}{why}")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def _sources(args: argparse.Namespace) -> tuple[str, ...]:
    from pann_hw.power.sources import SOURCES

    names = tuple(dict.fromkeys(args.sources.split(",")))
    for name in names:
        if name not in SOURCES:
            raise InputError(f"--sources {args.sources}: {name!r} must be {', '.join(SOURCES)}")
    if (args.network is None) != (args.data is None):
        raise InputError("--network and --data: give both, to record that network's operands")
    if args.network is not None and "recorded" not in names:
        raise InputError(f"--sources {args.sources}: --network needs recorded among them")
    return names


def _create(args: argparse.Namespace, names: tuple[str, ...]) -> list[Source]:
    from pann_hw.power.sources import create_source

    found = []
    for name in names:
        try:
            if name != "recorded" or args.network is None:
                if name == "recorded":
                    say("training the network of pann-hw demo to record its operands")
                found.append(create_source(name, args.seed))
            else:
                found.append(_recorded(args))
        except ValueError as error:
            raise InputError(str(error)) from None
    return found


def _recorded(args: argparse.Namespace) -> Source:
    from pann_hw.network.data import load_data
    from pann_hw.network.load import load_network
    from pann_hw.power.recorded import Recorded
    from pann_hw.power.recording import record

    data = load_data(args.data, labels=False)
    return Recorded(record(load_network(args.network, data.sample_shape), data.x), args.seed)


def show(result: dict[str, Any]) -> None:
    """Print the result."""
    from pann_hw.report.unit_store import from_dict
    from pann_hw.report.unit_tables import claim_tables, error_table, group_tables, summary

    report = from_dict(result)
    for each in (*group_tables(report), error_table(report), *claim_tables(report)):
        table(each.title, each.headings, each.rows)
    for line in summary(report):
        print(line)
