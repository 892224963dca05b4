"""Messages and progress on standard error, tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["bar", "say", "table"]


def say(message: str) -> None:
    """A line on standard error."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def bar(description: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; call what it gives after each of ``total`` steps.

    None: nobody knows how many there will be.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; the first column is text, the others are numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        drawn.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    # A pipe has no width of its own.
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=120)
    print(title)
    console.print(drawn)
