"""Cycles of five networks on 8 cores of 32 lanes, and what becomes of the adders.

Cycles are those of the machine's model, which the tests hold equal to the RTL's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arguments import at_hand, chosen, ended
from benchmarks.datasets import DATA
from pann_hw.commands.console import table

if TYPE_CHECKING:
    from benchmarks.accelerator_run import Case

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.accelerator"

_BANKS: Mapping[str, int] = {"1": 1, "2": 2, "4": 4}
_TERMS: Mapping[str, int] = {"1": 1, "2": 2}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument("--networks", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--banks", default="2,4", metavar="NUMBERS", help="1, 2 or 4; default %(default)s"
    )
    parser.add_argument(
        "--terms-per-rail", default="1,2", metavar="NUMBERS", help="1 or 2; default %(default)s"
    )
    parser.add_argument("--layers", action="store_true", help="a table of layers for each case")
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    # Threads that wait by spinning slow small layers down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.accelerator_run import measure
    from benchmarks.networks import NETWORKS

    banks = chosen("--banks", args.banks, _BANKS)
    terms = chosen("--terms-per-rail", args.terms_per_rail, _TERMS)
    networks = at_hand(chosen("--networks", args.networks, NETWORKS), args.data_folder)
    cases = list(measure(networks, args.data_folder, banks, terms))
    if args.json:
        sys.stdout.write(json.dumps({"cases": [case.plain() for case in cases]}) + "\n")
    elif cases:
        show(cases, layers=args.layers)
    return 0


def show(cases: Sequence[Case], *, layers: bool) -> None:
    """Print the result as tables."""
    from pann_hw.report.utilisation import HEADINGS, use_row, use_rows

    names = [(case.network, case.config.banks, case.config.terms) for case in cases]
    table(
        "8 cores of 32 lanes, 16 window slots, 2 rails, CSD terms, 4 input elements a beat, words "
        "of all banks requantised together: an image alone, and from the end of one to the end of "
        "the next",
        (
            "network",
            "banks",
            "terms",
            "MACs",
            "cycles",
            "interval",
            "MACs/cycle",
            "compile s",
            "schedule s",
        ),
        [
            (
                *name,
                case.macs,
                case.cycles,
                case.interval,
                f"{case.macs / case.interval:.1f}",
                f"{case.compile_seconds:.1f}",
                f"{case.model_seconds:.1f}",
            )
            for name, case in zip(names, cases, strict=True)
        ],
    )
    table(
        "What becomes of the adders' slots, in %",
        ("network", "banks", "terms", *HEADINGS[3:]),
        [(*name, *use_row(case.whole)[3:]) for name, case in zip(names, cases, strict=True)],
    )
    for case in cases if layers else ():
        table(
            f"{case.network}, {case.config.banks} banks, {case.config.terms} terms a cycle",
            HEADINGS,
            use_rows(case.uses),
        )


if __name__ == "__main__":
    sys.exit(main())
