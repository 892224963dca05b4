"""The cache: one build an entry, also for processes at the same time; old entries go."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from pann_hw import cache
from pann_hw.errors import InputError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANN_HW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _write(folder: Path) -> None:
    time.sleep(0.2)
    with (folder.parent.parent / "builds").open("a") as file:
        file.write("x")
    (folder / "result").write_text("done")


def _fetch(key: str) -> str:
    return (cache.cached(key, _write) / "result").read_text()


def test_processes_build_once(own_cache: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_fetch, ["key"] * 8) == ["done"] * 8
    assert (own_cache / "builds").read_text() == "x"


def test_each_key_has_its_entry() -> None:
    assert cache.cached(["a", 1], _write) == cache.cached(["a", 1], _write)
    assert cache.cached(["a", 1], _write) != cache.cached(["a", 2], _write)


def test_failed_build_leaves_nothing(own_cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.cached("key", fail)
    assert [path for path in own_cache.iterdir() if path.is_dir()] == []
    assert _fetch("key") == "done"


def test_entries_unused_for_longest_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    entries = []
    for age in (30, 20, 10):
        entries.append(cache.cached(age, _write))
        os.utime(entries[-1], (time.time() - age, time.time() - age))
    assert cache.cached(30, _write) == entries[0]
    newest = cache.cached("new", _write)
    assert [path.exists() for path in [*entries, newest]] == [True, False, True, True]


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 5)
    first = cache.cached(1, _write)
    os.utime(first, (0, 0))
    second = cache.cached(2, _write)
    cache.cached(3, _write)
    assert (first.exists(), second.exists()) == (False, True)


def test_unusable_folder_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PANN_HW_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set PANN_HW_CACHE"):
        cache.cached("key", _write)
