"""Cells in processes: what is measured, kept, measured anew and refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cell_processes
from benchmarks.cell import Cell, code_digest, deciders, measure
from benchmarks.cell_processes import measure_cells
from benchmarks.cell_store import load_cells, save_cells
from benchmarks.columns import COLUMNS, Column
from benchmarks.networks import NETWORKS, Network
from pann_hw.errors import ToolError
from tests.benchmark_data import CELL, cells_of, made_up_folder

PLAIN, FULL = COLUMNS["2bit-csd-plain"], COLUMNS["2bit-csd"]
NAMES = ("mnist_cnn", "dscnn")
PAIR = [NETWORKS[name] for name in NAMES]


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return made_up_folder(tmp_path, rng)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The pairs that are measured, without any process and without measuring."""
    pairs = []

    def results(
        todo: Sequence[tuple[Network, Column]], folder: Path, jobs: int, threads: int
    ) -> Iterable[tuple[tuple[Network, Column], Cell | str]]:
        for network, column in todo:
            pairs.append((network.name, column.name))
            decided = deciders(network, column, folder)
            code = code_digest()
            yield (
                (network, column),
                replace(CELL, network=network.name, column=column.name, decided_by=decided,
                        code=code, seconds=float(len(pairs))),
            )  # fmt: skip

    monkeypatch.setattr(cell_processes, "_results", results)
    return pairs


def test_processes_measure_what_this_one_does(folder: Path) -> None:
    """And a network that is refused keeps no other from being measured."""
    (folder / PAIR[1].file).write_bytes(b"no network")
    path = folder / "cells.json"
    save_cells(path, cells_of([("dscnn", PLAIN.name)]))  # of a network that was there before
    cells, refused = measure_cells(PAIR, [PLAIN], folder, path, jobs=2)
    assert list(cells) == [("mnist_cnn", PLAIN.name)]
    (found,) = cells.values()
    here = measure(PAIR[0], PLAIN, folder)
    varying = ("import_seconds", "seconds", "cpu_seconds", "peak_megabytes")
    assert replace(found, **{name: getattr(here, name) for name in varying}) == here
    assert found.peak_megabytes > 50
    assert load_cells(path) == cells
    (line,) = refused
    assert line.startswith(f"{PAIR[1].title}, {PLAIN.label}: ") and PAIR[1].file in line


def test_a_killed_process_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_processes, "_measure", _killed)
    with pytest.raises(ToolError, match="was killed, for memory perhaps: use --jobs 1"):
        measure_cells(PAIR[:1], [PLAIN], folder, folder / "cells.json")


def _killed(*_names: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_finished_cells_are_kept(folder: Path, measured: list[tuple[str, str]]) -> None:
    path = folder / "cells.json"
    measure_cells(PAIR[:1], [PLAIN], folder, path)
    cells, _ = measure_cells(PAIR, [PLAIN, FULL], folder, path)
    assert measured[0] == ("mnist_cnn", PLAIN.name)
    assert measured[1:] == [("mnist_cnn", FULL.name), *(("dscnn", c.name) for c in (PLAIN, FULL))]
    assert len(cells) == 4 and load_cells(path) == cells
    del measured[:]
    assert measure_cells(PAIR, [PLAIN, FULL], folder, path) == (cells, [])
    assert measured == []


def test_cells_that_do_not_apply_are_left_out(
    folder: Path, measured: list[tuple[str, str]]
) -> None:
    training = replace(PLAIN, trains=True)
    path = folder / "cells.json"
    measure_cells([NETWORKS["resnet8"], *PAIR], [training], folder, path)
    assert measured == [("resnet8", PLAIN.name)]


def test_fresh_measures_those_asked_for_alone(
    folder: Path, measured: list[tuple[str, str]]
) -> None:
    path = folder / "cells.json"
    before, _ = measure_cells(PAIR, [PLAIN], folder, path)
    after, _ = measure_cells(PAIR[1:], [PLAIN], folder, path, fresh=True)
    assert measured == [("mnist_cnn", PLAIN.name), *[("dscnn", PLAIN.name)] * 2]
    assert after["mnist_cnn", PLAIN.name] == before["mnist_cnn", PLAIN.name]
    assert after["dscnn", PLAIN.name].seconds == 3


@pytest.mark.parametrize("what", ["network", "data", "settings"])
def test_other_files_or_settings_are_measured(
    what: str, folder: Path, measured: list[tuple[str, str]], rng: np.random.Generator
) -> None:
    path, column = folder / "cells.json", PLAIN
    measure_cells(PAIR, [PLAIN], folder, path)
    if what == "network":
        (folder / PAIR[0].file).write_bytes(b"another")
    elif what == "data":
        np.savez(folder / str(PAIR[0].data_file), x=rng.random(3))
    else:
        column = replace(PLAIN, settings={**PLAIN.settings, "max_shift": 7})
    del measured[:]
    measure_cells(PAIR, [column], folder, path)
    assert measured == [(name, PLAIN.name) for name in NAMES[: 2 if what == "settings" else 1]]


def test_older_code_is_told_and_its_cells_are_kept(
    folder: Path, measured: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "cells.json"
    cells, _ = measure_cells(PAIR, [PLAIN], folder, path)
    assert capsys.readouterr().err == ""
    first = cells["dscnn", PLAIN.name]
    save_cells(path, {**cells, ("dscnn", PLAIN.name): replace(first, code="older")})
    measure_cells(PAIR, [PLAIN], folder, path)
    assert len(measured) == 2
    assert "cells measured by other code than this: 1; --fresh" in capsys.readouterr().err
