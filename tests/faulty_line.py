"""A serial line with faults: a pseudo-terminal in front of another."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator

__all__ = ["Fault", "faulty_line"]

Fault = Callable[[int, bytes], bytes]
"""What arrives of a byte, of which the number in its direction is given."""


def _none(number: int, value: bytes) -> bytes:
    return value


@contextlib.contextmanager
def faulty_line(port: str, to_board: Fault = _none, from_board: Fault = _none) -> Iterator[str]:
    """A port from which bytes reach another one, and come from there, through faults."""
    board = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(board)
    master, slave = pty.openpty()
    tty.setraw(slave)
    wake, stop = os.pipe()

    def carry() -> None:
        faults = {master: (to_board, board), board: (from_board, master)}
        counts = dict.fromkeys(faults, 0)
        while True:
            ready, _, _ = select.select([*faults, wake], [], [])
            if wake in ready:
                return
            for source in ready:
                fault, sink = faults[source]
                try:
                    received = os.read(source, 4096)
                except OSError:
                    return
                arrived = b""
                for value in received:
                    arrived += fault(counts[source], bytes((value,)))
                    counts[source] += 1
                while arrived:
                    arrived = arrived[os.write(sink, arrived) :]

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.write(stop, b"x")
        thread.join()
        for file in (board, master, slave, wake, stop):
            os.close(file)
