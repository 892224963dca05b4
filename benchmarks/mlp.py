"""A perceptron 64-32-10 of 4-bit integers on hardware for linear layers alone.

Every output is compared with the integer network in PyTorch, every count of cycles with the
prediction, and Yosys maps the netlist to cells of an FPGA. The exit code is 1 where something
differs, or where one rail takes more cycles, LUTs or DSP blocks than are asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.arguments import ended
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError

if TYPE_CHECKING:
    from benchmarks.mlp_run import Case

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.mlp"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=100, metavar="N", help="random ones; default %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.inputs < 1:
        raise InputError(f"--inputs {args.inputs}: must be at least 1")
    from benchmarks.clock import Clock
    from benchmarks.mlp_run import measure

    clock = Clock()
    cases = [measure(rails, args.inputs, clock) for rails in (1, 2)]
    if args.json:
        sys.stdout.write(json.dumps({"cases": [case.plain() for case in cases]}) + "\n")
    else:
        show(cases)
    faults = [f"rails = {case.config.rails}: {one}" for case in cases for one in case.faults]
    # More is asked of the first alone: the second trades cells for cycles.
    faults += [f"rails = 1: {one}" for one in cases[0].missed]
    for fault in faults:
        say(fault)
    return MismatchError.exit_code if faults else 0


def show(cases: Sequence[Case]) -> None:
    """Print the result as a table."""
    from benchmarks.mlp_run import MOST_CYCLES, MOST_LUTS

    table(
        "64-32-10, 4 bits, on one core of 32 lanes: the RTL against the integer network in PyTorch",
        ("rails", "inputs", "outputs", "mismatches", "cycles", "mean", "as predicted", "at most"),
        [
            (
                case.config.rails,
                case.inputs,
                case.outputs,
                case.mismatches,
                f"{case.fewest} to {case.most}",
                f"{case.mean:.1f}",
                f"{case.inputs - case.cycles_mismatched} of {case.inputs}",
                case.bound,
            )
            for case in cases
        ],
    )
    kinds = sorted({kind for case in cases for kind in case.cells.memories})
    table(
        f"Cells, as Yosys maps them; asked of one rail: {MOST_LUTS} LUT, no DSP, and at most "
        f"{MOST_CYCLES} cycles",
        ("rails", "LUT", "FF", "CARRY4", "MUXF", "DSP", *kinds),
        [
            (
                case.config.rails,
                case.cells.luts,
                case.cells.flip_flops,
                case.cells.carries,
                case.cells.multiplexers,
                case.cells.dsps,
                *(case.cells.memories.get(kind, 0) for kind in kinds),
            )
            for case in cases
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
