"""Whole test sets on one netlist of 8 cores of 32 lanes in Verilator.

Every output of every sample is compared with the integer network in PyTorch; the exit code is 1
where one differs, or where an inference does not take the cycles predicted. Beside that: how fast
the simulation is, and what generating, building and compiling take.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arguments import at_hand, chosen, ended
from benchmarks.datasets import DATA
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError, MismatchError

if TYPE_CHECKING:
    from benchmarks.whole_sets_run import Result

__all__ = ["main", "show"]

PROGRAM = "python -m benchmarks.whole_sets"

_NAMES = ("resnet8", "mnist_cnn", "dscnn")
_COMPILED = "resnet20"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument(
        "--networks", metavar="NAMES",
        help=f"separated by commas, of {', '.join(_NAMES)}; default all",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=int, metavar="N", help="only the first N of each set; default all"
    )
    parser.add_argument(
        "--threads", type=int, default=2, metavar="N",
        help="simulations side by side; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--toggles", type=int, nargs="?", const=24, default=0, metavar="N",
        help="run the first N samples of each set once more with flips counted; without N "
        "%(const)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    # Threads that wait by spinning slow small layers down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.networks import NETWORKS
    from benchmarks.whole_sets_run import measure

    wanted = chosen("--networks", args.networks, {name: NETWORKS[name] for name in _NAMES})
    for name, least in (("images", 1), ("threads", 1), ("toggles", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise InputError(f"--{name} {value}: must be at least {least}")
    networks = at_hand(wanted, args.data_folder)
    if not networks:
        return 0
    compiled = at_hand([NETWORKS[_COMPILED]], args.data_folder)
    result = measure(
        networks, compiled, args.data_folder,
        images=args.images, threads=args.threads, toggles=args.toggles,
    )  # fmt: skip
    if args.json:
        sys.stdout.write(json.dumps(result.plain()) + "\n")
    else:
        show(result)
    for fault in result.faults:
        say(fault)
    return MismatchError.exit_code if result.faults else 0


def show(result: Result) -> None:
    """Print the result as tables."""
    config = result.config
    table(
        f"{config.cores} cores of {config.lanes} lanes, one netlist: outputs of the RTL against "
        f"the integer network in PyTorch",
        (
            "network",
            "samples",
            "outputs",
            "mismatches",
            "accuracy %",
            "cycles",
            "as predicted",
            "inferences/s",
            "with flips",
        ),
        [
            (
                one.network,
                one.samples,
                one.outputs,
                one.mismatches,
                f"{100 * one.accuracy:.2f}",
                one.cycles,
                f"{one.samples - one.cycles_mismatched} of {one.samples}",
                f"{one.per_second:.1f}",
                "-" if one.counted_per_second is None else f"{one.counted_per_second:.1f}",
            )
            for one in result.sets
        ],
    )
    table(
        "What takes time",
        ("step", "seconds"),
        [
            ("generate the Verilog", f"{result.generate_seconds:.1f}"),
            ("build the simulator", f"{result.build_seconds:.1f}"),
            *(
                (f"compile {name} to a program", f"{seconds:.1f}")
                for name, seconds in result.compile_seconds.items()
            ),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
