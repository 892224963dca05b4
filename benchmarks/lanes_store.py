"""Measured lanes as a JSON file, so that a table is finished, or shown again, another time."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.lanes_run import Measured, Process
from benchmarks.lanes_tiles import Tile
from benchmarks.lanes_variants import Variant
from pann_hw.errors import InputError
from pann_hw.files import whole_file

__all__ = ["FORMAT", "Store", "accuracy_key", "measured_key"]

FORMAT = "pann-hw lanes 1"
"""Value of the key ``format``."""

_ROOT = Path(__file__).parent.parent

_CODE = (
    "benchmarks/lanes_core.py",
    "benchmarks/lanes_run.py",
    "benchmarks/lanes_schedule.py",
    "benchmarks/lanes_stimulus.py",
    "benchmarks/lanes_trials.py",
    "pann_hw/energy/weights.py",
    "pann_hw/program/encoding.py",
    "pann_hw/technology/*.py",
    "rtl_gen/accumulator.py",
    "rtl_gen/gates/*",
    "rtl_gen/lane.py",
    "sim/gates/icarus.py",
    "sim/gates/model.py",
    "sim/gates/timing.py",
    "sim/gates/vpi.c",
)
"""What maps, simulates and measures."""


class Store:
    """Figures by what decides them, in a file that is whole at any time.

    Keys
    ----
    format : "pann-hw lanes 1"
    measured : by :func:`measured_key` the attributes of :class:`Measured`
    accuracies : by :func:`accuracy_key` parts of the test samples

    Raises
    ------
    InputError : the file cannot be read or written, or holds something else
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._content: dict[str, dict[str, object]] = {"measured": {}, "accuracies": {}}
        try:
            content = json.loads(path.read_text())
            if content.pop("format") != FORMAT:
                raise ValueError
            self._content = {name: dict(content[name]) for name in self._content}
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path}: holds no measured lanes, choose another --output") from None

    def measured(self, key: str, make: Callable[[], Measured]) -> Measured:
        """The figures of that key, made where there are none."""
        found = self._content["measured"].get(key)
        if isinstance(found, dict):
            return Measured(**found)
        made = make()
        self._put("measured", key, made.plain())
        return made

    def accuracy(self, key: str, make: Callable[[], float]) -> float:
        """The accuracy of that key, found out where it is not known."""
        found = self._content["accuracies"].get(key)
        if isinstance(found, float):
            return found
        made = make()
        self._put("accuracies", key, made)
        return made

    def _put(self, part: str, key: str, value: object) -> None:
        with self._lock:
            self._content[part][key] = value
            text = json.dumps({"format": FORMAT, **self._content}, indent=1)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = f"{self._path}: cannot be written ({error.strerror})"
                raise InputError(reason) from None
            with whole_file(self._path) as file:
                file.write_text(text + "\n")


def measured_key(variant: Variant, tiles: Sequence[Tile], width: int, process: Process) -> str:
    """What decides a variant's figures: itself, its tiles, the library, the code."""
    files = [path for pattern in _CODE for path in sorted(_ROOT.glob(pattern)) if path.is_file()]
    # Where it stands in tables is no matter.
    told = replace(variant, title="", group="", everywhere=False)
    parts = [repr(told).encode(), str(width).encode(), process.technology.name.encode()]
    for tile in tiles:
        parts += [tile.layer.encode(), tile.windows.tobytes(), tile.weights.tobytes()]
    parts += [path.read_bytes() for path in (*process.files, *files)]
    return _digest(parts)


def accuracy_key(network: Path, data: Path) -> str:
    """What decides a network's accuracy: its file and the data's."""
    return _digest([network.read_bytes(), data.read_bytes()])


def _digest(parts: Sequence[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()[:24]
