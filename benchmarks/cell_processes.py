"""Cells measured in processes of their own, and kept as each is finished."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from benchmarks.cell import Cell, applies, code_digest, deciders, measure
from benchmarks.cell_store import Cells, load_cells, save_cells
from benchmarks.columns import COLUMNS, Column
from benchmarks.networks import NETWORKS, Network
from pann_hw.commands.console import say
from pann_hw.errors import InputError, ToolError

__all__ = ["measure_cells"]


def measure_cells(
    networks: Sequence[Network],
    columns: Sequence[Column],
    folder: Path,
    path: Path,
    *,
    jobs: int = 1,
    threads: int = 1,
    fresh: bool = False,
) -> tuple[Cells, list[str]]:
    """Measure what ``path`` does not hold yet: all its cells then, and what was refused, in lines.

    A cell is kept where what decides it is still the same. Where only the code is another, that is
    said, and the cell is kept too.

    Parameters
    ----------
    folder : of the data
    path : JSON, written after each cell
    jobs : processes at a time, one cell each
    threads : of torch in each
    fresh : measure these cells even where they are there

    Raises
    ------
    InputError : ``path`` cannot be read or written
    ToolError : a process was killed
    """
    cells = load_cells(path)
    wanted = [
        (network, column) for network in networks for column in columns if applies(network, column)
    ]
    todo = [pair for pair in wanted if fresh or not _holds(cells, *pair, folder)]
    _tell_old(cells, [pair for pair in wanted if pair not in todo])
    refused = []
    for (network, column), result in _results(todo, folder, jobs, threads):
        if isinstance(result, Cell):
            cells[network.name, column.name] = result
        else:
            cells.pop((network.name, column.name), None)
            refused.append(f"{network.title}, {column.label}: {result}")
        save_cells(path, cells)
    return cells, refused


def _holds(cells: Cells, network: Network, column: Column, folder: Path) -> bool:
    cell = cells.get((network.name, column.name))
    return cell is not None and cell.decided_by == deciders(network, column, folder)


def _tell_old(cells: Cells, kept: Iterable[tuple[Network, Column]]) -> None:
    code = code_digest()
    old = sum(cells[network.name, column.name].code != code for network, column in kept)
    if old:
        say(f"cells measured by other code than this: {old}; --fresh measures them anew")


def _results(
    todo: Sequence[tuple[Network, Column]], folder: Path, jobs: int, threads: int
) -> Iterable[tuple[tuple[Network, Column], Cell | str]]:
    """Each cell as it is finished, or what its refusal says."""
    # Libraries read these as they are loaded in the processes. Threads that wait by spinning slow
    # small layers down where cores are shared.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, (threads,), max_tasks_per_child=1)
    try:
        futures = {
            pool.submit(_measure, network.name, column.name, folder): (network, column)
            for network, column in todo
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise ToolError(
            "a process that measures was killed, for memory perhaps: use --jobs 1; finished cells "
            "are kept"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(threads: int) -> None:
    # The terminal interrupts every process; one that is in the middle of a cell just ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(threads)


def _measure(network: str, column: str, folder: Path) -> Cell | str:
    try:
        return measure(NETWORKS[network], COLUMNS[column], folder)
    except InputError as error:
        return str(error)
