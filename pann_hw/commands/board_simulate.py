"""``pann-hw board simulate``: a board without hardware, behind a pseudo-terminal."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from pann_hw.commands.arguments import add_config, load_config
from pann_hw.commands.console import say
from pann_hw.errors import InputError, ToolError
from pann_hw.link.config import BAUD

__all__ = ["add_arguments", "run", "show"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--baud", type=int, default=BAUD, metavar="N",
        help="bits a second, at most a quarter of the clock; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--clock", type=float, default=12.0, metavar="MHZ",
        help="of the board; default %(default)g. The simulation runs as fast as it goes",
    )  # fmt: skip
    parser.add_argument(
        "--link", type=Path, metavar="PATH",
        help="make a symbolic link to the port there, while the board runs",
    )  # fmt: skip
    add_config(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Build the board and run it until an interrupt, or until the process is asked to end."""
    from pann_hw.link.config import LinkConfig
    from sim.board import simulated_board
    from sim.toolchain import environment

    config = load_config(args)
    if not 0 < args.clock < float("inf"):
        raise InputError(f"--clock {args.clock:g}: must be above 0")
    link = LinkConfig.of_baud(round(args.clock * 1e6), args.baud)
    environment()
    # A shell's jobs in the background are deaf to interrupts unless they listen.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    say("building the simulated board (kept for the next time)")
    with simulated_board(config, link) as board, _linked(args.link, board.port) as port:
        say(f"the board is at {port}, {link.baud} baud; an interrupt (Ctrl-C) ends it")
        begin = time.monotonic()
        with contextlib.suppress(KeyboardInterrupt):
            board.process.wait()
            raise ToolError(f"the simulated board ended with code {board.process.returncode}")
        return {"port": str(port), "seconds": time.monotonic() - begin}


@contextlib.contextmanager
def _linked(link: Path | None, port: str) -> Iterator[str]:
    if link is None:
        yield port
        return
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(port)
    except OSError as error:
        reason = error.strerror or "refused"
        raise InputError(f"{link}: cannot be made ({reason}); choose another --link") from None
    try:
        yield str(link)
    finally:
        link.unlink(missing_ok=True)


def show(result: dict[str, object]) -> None:
    """Print the result."""
    print(f"the board at {result['port']} ran for {result['seconds']:.0f} s")
