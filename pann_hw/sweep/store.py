"""Finished points as files, for an interrupted sweep to go on from, and for other commands.

Each point is ``NAME.json``, its outcome, and ``NAME.npz``, its integer network. The network comes
first and the outcome holds its hash: a sweep that is killed between the two leaves no outcome that
has another point's network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.integer import store
from pann_hw.integer.network import IntegerNetwork
from pann_hw.sweep.point import Figures, Outcome, Point

__all__ = ["FORMAT", "load_outcome", "network_file", "outcome_from", "outcome_to", "save_outcome"]

FORMAT = "pann-hw sweep point 1"
"""Value of the key ``format``."""


def network_file(folder: Path, point: Point) -> Path:
    """Where a point's integer network is."""
    return folder / f"{point.name}.npz"


def save_outcome(folder: Path, outcome: Outcome, network: IntegerNetwork | None, key: str) -> None:
    """Write what came of a point, and its network where it has one.

    Parameters
    ----------
    key : of all that decides the outcome

    Raises
    ------
    InputError : a file cannot be written
    """
    path = network_file(folder, outcome.point)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if network is None:
            path.unlink(missing_ok=True)
        else:
            store.save(network, path)
        plain = {
            "format": FORMAT,
            "key": key,
            "network": None if network is None else _hash(path),
            **outcome_to(outcome),
        }
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}), choose another") from None
    with whole_file(_outcome_file(folder, outcome.point)) as part:
        part.write_text(json.dumps(plain, indent=1) + "\n")


def load_outcome(folder: Path, point: Point, key: str) -> Outcome | None:
    """What came of a point; None where nothing did, or under another key, or files are damaged."""
    path = network_file(folder, point)
    try:
        plain = json.loads(_outcome_file(folder, point).read_text())
        if (plain["format"], plain["key"]) != (FORMAT, key):
            return None
        if plain["network"] is not None and plain["network"] != _hash(path):
            return None
        outcome = outcome_from(plain)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return outcome if outcome.point == point else None


def outcome_to(outcome: Outcome) -> dict[str, object]:
    """An outcome as plain values.

    Keys
    ----
    name, encoding, budget, bits : of the point
    reached : whether the budget is enough for a network
    enough_flips_per_mac : a budget that would be, where it is not; null where none is
    bx, R, .. seconds : the attributes of :class:`Figures`, where it is
    """
    point, figures = outcome.point, outcome.figures
    return {
        "name": point.name,
        **asdict(point),
        "reached": figures is not None,
        **({"enough_flips_per_mac": outcome.enough} if figures is None else asdict(figures)),
    }


def outcome_from(plain: Mapping[str, Any]) -> Outcome:
    """The outcome of which :func:`outcome_to` made plain values.

    Raises
    ------
    KeyError : a value is missing
    """
    point = Point(**{name: plain[name] for name in Point.__dataclass_fields__})
    if not plain["reached"]:
        return Outcome(point, None, plain["enough_flips_per_mac"])
    return Outcome(point, Figures(**{name: plain[name] for name in Figures.__dataclass_fields__}))


def _outcome_file(folder: Path, point: Point) -> Path:
    return folder / f"{point.name}.json"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
