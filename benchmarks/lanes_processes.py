"""Libraries of real technologies, where a folder has their Liberty files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.lanes_run import Process
from benchmarks.libraries import FOLDERS
from pann_hw.commands.console import say
from pann_hw.technology.known import technology
from pann_hw.technology.liberty import read_library

__all__ = ["TECHNOLOGIES", "find_process"]

TECHNOLOGIES: Mapping[str, str] = {name: name for name in FOLDERS}
"""By the names that the command line takes."""


def find_process(name: str, folder: Path) -> Process | None:
    """The technology of that name, or None, and why is said, where its files are not there.

    Raises
    ------
    InputError, ToolError : as read_library()
    """
    place = folder / FOLDERS[name]
    files = sorted(place.glob("*.lib.gz"))
    if not files:
        say(f"{name}: skipped, no Liberty files in {place}; set PANN_HW_PDK to where they are")
        return None
    return Process(technology(name), read_library(files), files)
