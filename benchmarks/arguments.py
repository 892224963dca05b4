"""Arguments of the benchmarks of accuracy, and how they end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks.datasets import DATA, missing
from pann_hw.commands.arguments import check_writable
from pann_hw.commands.console import say
from pann_hw.errors import InputError, PannError

if TYPE_CHECKING:
    from benchmarks.networks import Network

__all__ = ["add_arguments", "at_hand", "check", "chosen", "ended"]

CELLS = Path(__file__).parent.parent / "build" / "accuracy.json"

Item = TypeVar("Item")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured, with what, and where it is kept."""
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument("--columns", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--output", type=Path, default=CELLS, metavar="FILE",
        help="JSON that finished cells are kept in; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="measure finished cells anew")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="cells at a time; default %(default)s"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N",
        help="of torch for each cell; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")


def chosen(option: str, text: str | None, items: Mapping[str, Item]) -> list[Item]:
    """The items that a list such as ``resnet8,dscnn`` names, in their own order; None: all.

    Raises
    ------
    InputError : a name that no item has
    """
    names = list(items) if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in items:
            raise InputError(f"{option} {text}: {name!r} must be one of {', '.join(items)}")
    return [item for name, item in items.items() if name in names]


def check(args: argparse.Namespace) -> None:
    """Check the counts, and that ``--output`` can be written, before anything is measured.

    Raises
    ------
    InputError : a count below 1, a file that cannot be written
    """
    for name in ("jobs", "threads"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name} {getattr(args, name)}: must be at least 1")
    check_writable(args.output)


def at_hand(networks: Sequence[Network], folder: Path) -> list[Network]:
    """Those whose files the folder has; what the others lack is said."""
    found = []
    for network in networks:
        lacking = missing(folder, network.files)
        if lacking:
            say(f"{network.title}: skipped, {folder} lacks {' and '.join(lacking)}")
        else:
            found.append(network)
    return found


def ended(program: str, run: Callable[[], int]) -> int:
    """What ``run`` returns, or the exit code of what it raises, shown as one line."""
    try:
        return run()
    except PannError as error:
        say(f"{program}: error: {' '.join(str(error).split())}")
        return error.exit_code
    except KeyboardInterrupt:
        say(f"{program}: interrupted")
        return 130
