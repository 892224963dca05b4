"""Folders of output files that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pann_hw.errors import InputError

__all__ = ["output_folder"]


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder to write files into; they move to ``path`` when all went well.

    Other files that ``path`` holds stay.

    Raises
    ------
    InputError : the folder cannot be written
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as name:
            part = Path(name) / "files"
            part.mkdir()
            yield part
            path.mkdir(exist_ok=True)
            for file in sorted(part.iterdir()):
                shutil.move(file, path / file.name)
    except OSError as error:
        reason = error.strerror or "failed"
        raise InputError(f"{path}: cannot be written ({reason}); choose another --output") from None
