"""Default coefficients of gate energy: fitted to some small accelerators, checked on others.

Each design is mapped to the technology's library, and simulated for a whole inference with glitches
sampled; and it is mapped to generic gates, whose toggles and clock pulses two coefficients turn
into energy. The exit code is 1 where a design that was not fitted is predicted worse than asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arguments import chosen, ended
from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import say, table

if TYPE_CHECKING:
    from benchmarks.coefficients_tables import Fitted

__all__ = ["main"]

PROGRAM = "python -m benchmarks.coefficients"

_ROOT = Path(__file__).parent.parent
_STORE = _ROOT / "build" / "coefficients.json"
_DOCUMENT = _ROOT / "docs" / "coefficients.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--technologies", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--output", type=Path, default=_STORE, metavar="FILE",
        help="JSON that finished designs are kept in; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="measure finished designs anew")
    parser.add_argument(
        "--write", action="store_true",
        help="write the coefficients into the package, and the tables into docs/coefficients.md",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    check_writable(args.output)
    from benchmarks.accuracy_tables import markdown
    from benchmarks.coefficients_designs import DESIGNS
    from benchmarks.coefficients_run import Store, measure
    from benchmarks.coefficients_tables import fitted, tables, write_coefficients
    from benchmarks.document import replace_measured
    from benchmarks.libraries import FOLDERS, PDK
    from pann_hw.errors import InputError, MismatchError

    names = chosen("--technologies", args.technologies, {name: name for name in FOLDERS})
    if args.write and len(names) < len(FOLDERS):
        raise InputError(f"--technologies {args.technologies}: --write writes all; leave it out")
    store = Store(args.output, fresh=args.fresh)
    found: list[Fitted] = []
    for name in names:
        if not any((PDK / FOLDERS[name]).glob("*.lib.gz")):
            say(f"{name}: skipped, no Liberty files in {PDK / FOLDERS[name]}; set PANN_HW_PDK")
            continue
        measured = {}
        for design in (design for design in DESIGNS if name in design.technologies):
            say(f"{name}: {design.name}")
            measured[design] = measure(design, name, store)
        found.append(fitted(name, measured))
    if not found:
        return 0
    made = tables(found)
    if args.json:
        sys.stdout.write(json.dumps({"technologies": [one.plain() for one in found]}) + "\n")
    else:
        for one in made:
            table(one.title, one.headings, one.rows)
    if args.write and len(found) == len(FOLDERS):
        write_coefficients(found, PROGRAM)
        replace_measured(_DOCUMENT, markdown(made))
    missed = [line for one in found for line in one.missed]
    for line in missed:
        say(line)
    return MismatchError.exit_code if missed else 0


if __name__ == "__main__":
    sys.exit(main())
