"""Networks on simulated boards: mismatches, the link's share of the time, its throughput.

The digits run at three operating points in one connection, by the demonstration's network on the
default accelerator, and by a perceptron on iCEBreaker's; the other perceptron has so little to
compute that the link decides. The exit code is 1 where an output is not the integer network's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.arguments import ended
from pann_hw.commands.console import table
from pann_hw.errors import InputError, MismatchError

if TYPE_CHECKING:
    from benchmarks.board_run import Case

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.board"

_BAUDS = {
    "digits": [3_000_000],
    "icebreaker": [3_000_000],
    "perceptron": [3_000_000, 1_000_000, 115_200],
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--networks", default=",".join(_BAUDS), metavar="NAMES",
        help="separated by commas; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--images", type=int, metavar="N", help="use only the first N")
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.images is not None and args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")
    names = args.networks.split(",")
    for name in names:
        if name not in _BAUDS:
            raise InputError(f"--networks {name}: must be of {', '.join(_BAUDS)}")
    # Threads that wait by spinning slow small layers down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.board_run import measure
    from benchmarks.clock import Clock

    clock = Clock()
    cases = [case for name in names for case in measure(name, _BAUDS[name], args.images, clock)]
    if args.json:
        sys.stdout.write(json.dumps({"cases": [case.plain() for case in cases]}) + "\n")
    else:
        show(cases)
    return MismatchError.exit_code if any(case.mismatches for case in cases) else 0


def show(cases: Sequence[Case]) -> None:
    """Print the result as tables."""
    table(
        "Simulated boards: cycles of an inference, and what of them is computing",
        ("network", "MHz", "baud", "point", "images", "mismatches", "cycles", "computing"),
        [
            (
                case.network, f"{case.clock / 1e6:g}", case.baud, index, point.images,
                point.mismatches, f"{point.cycles:.0f}", f"{point.computing:.0f}",
            )
            for case in cases
            for index, point in enumerate(case.points)
        ],
    )  # fmt: skip
    table(
        "All points in one connection: bytes of an inference, and cycles that they take at least",
        (
            "network", "baud", "inferences", "sent", "received", "cycles",
            "at least", "inferences/s", "link %", "load s", "run s",
        ),
        [
            (
                case.network, case.baud, case.inferences, f"{case.sent:.1f}",
                f"{case.received:.1f}", f"{case.cycles:.0f}", f"{case.bound:.0f}",
                f"{case.clock / case.cycles:.0f}", f"{100 * case.link_share:.1f}",
                f"{case.load_seconds:.1f}", f"{case.seconds:.1f}",
            )
            for case in cases
        ],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
