"""Results of long builds, kept by the hash of everything that decides them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pann_hw.errors import InputError

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "cache_folder", "cached"]

MAX_ENTRIES = 200
"""Builds that are kept; those not used for longest go first."""

MAX_BYTES = 2 << 30
"""Size of all builds that are kept."""


def cache_folder() -> Path:
    """Folder of the cache: PANN_HW_CACHE, or `pann-hw` in the user's cache folder.

    Raises
    ------
    InputError : the folder cannot be made or written
    """
    chosen = os.environ.get("PANN_HW_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = (Path(chosen) if chosen else Path(base) / "pann-hw").expanduser().absolute()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise InputError(f"{folder}: cannot be written; set PANN_HW_CACHE to a folder that can")
    return folder


def cached(key: object, build: Callable[[Path], None]) -> Path:
    """Folder with what `build` writes, which runs only where the cache has no entry for the key.

    Of several processes that want the same entry one builds, the others wait for it. An entry
    appears whole or not at all.

    Parameters
    ----------
    key : anything that JSON can hold; its SHA-256 names the entry
    build : writes its files into the folder that it gets, from which they are then moved; what
        it raises is passed on and leaves no entry

    Raises
    ------
    InputError : the cache cannot be written
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    folder = cache_folder()
    entry = folder / digest[:32]
    with _locked(folder / f"lock-{digest[:2]}"):
        if not entry.is_dir():
            _prune(folder)
            with tempfile.TemporaryDirectory(prefix="building-", dir=folder) as name:
                work = Path(name) / "entry"
                work.mkdir()
                build(work)
                work.rename(entry)
        # The time of the last use decides what is dropped.
        os.utime(entry)
    return entry


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The system frees the lock when a process ends, however it ends. 256 files serve all keys.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prune(folder: Path) -> None:
    entries = []
    for path in folder.iterdir():
        # Another process may prune at the same time, or finish its build.
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                entries.append((path.stat().st_mtime, size, path))
    entries.sort(reverse=True)
    total = 0
    for rank, (_, size, path) in enumerate(entries):
        total += size
        if rank + 1 >= MAX_ENTRIES or total > MAX_BYTES:
            shutil.rmtree(path, ignore_errors=True)
