"""Cells as tables: accuracies, one table for each group of columns, and what each cell took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.cell import Cell
from benchmarks.cell_store import Cells
from benchmarks.columns import Column
from benchmarks.networks import Network

__all__ = ["Table", "accuracy_tables", "cost_tables", "markdown"]

_UNITS = "accuracy % / agreement with float %; autoencoder: output error %"

_COSTS = (
    "column",
    "bx",
    "R",
    "flips/MAC",
    "output error %",
    "seconds",
    "CPU seconds",
    "peak MB",
)


@dataclass(frozen=True)
class Table:
    """A title, headings, and rows of as many cells; the first column is text."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def accuracy_tables(
    cells: Cells, networks: Sequence[Network], columns: Sequence[Column]
) -> list[Table]:
    """A table for each group of columns: a row for each network; "-" is not measured."""
    tables = []
    for group in dict.fromkeys(column.group for column in columns):
        shown = [column for column in columns if column.group == group]
        rows = []
        for network in networks:
            row = [cells.get((network.name, column.name)) for column in shown]
            rows.append((network.title, _float(row), *map(_scored, row)))
        headings = ("network", "float", *(column.title for column in shown))
        tables.append(Table(f"{group}: {_UNITS}", headings, rows))
    return tables


def cost_tables(
    cells: Cells, networks: Sequence[Network], columns: Sequence[Column]
) -> list[Table]:
    """A table for each network that has cells: what was chosen, and what quantising took."""
    tables = []
    for network in networks:
        found = [(column, cells.get((network.name, column.name))) for column in columns]
        rows = [(column.label, *_costs(cell)) for column, cell in found if cell is not None]
        if rows:
            tables.append(Table(f"{network.title}: what was chosen, what it took", _COSTS, rows))
    return tables


def markdown(tables: Iterable[Table]) -> str:
    """Tables as Markdown, each under its title."""
    lines = []
    for table in tables:
        lines += [f"{table.title}", "", _line(table.headings)]
        lines.append(_line(["---", *["---:"] * (len(table.headings) - 1)]))
        lines += [*map(_line, table.rows), ""]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _float(row: Iterable[Cell | None]) -> str:
    found = {cell.float_accuracy for cell in row if cell is not None} - {None}
    return " or ".join(_percent(value) for value in sorted(found, key=str)) or "-"


def _scored(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    if cell.quality.accuracy is None:
        return _percent(cell.quality.error)
    return f"{_percent(cell.quality.accuracy)} / {_percent(cell.quality.agreement)}"


def _costs(cell: Cell) -> tuple[str, ...]:
    return (
        f"{cell.bits:.2f}",
        f"{cell.additions:.2f}",
        f"{cell.flips_per_mac:.2f}",
        _percent(cell.quality.error),
        f"{cell.seconds:.1f}",
        f"{cell.cpu_seconds:.1f}",
        str(cell.peak_megabytes),
    )


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.2f}"
