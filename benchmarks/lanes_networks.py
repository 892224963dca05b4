"""Networks whose weights and activations lanes are measured on, made once and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cell import deciders
from benchmarks.columns import Column, post_training, uniform
from benchmarks.networks import Network
from pann_hw.files import whole_file
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.store import load, save

__all__ = ["COLUMNS", "integer_network"]

_BITS = (2, 3, 4, 5, 6, 7, 8)

COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        post_training("8", "csd", "full"),
        post_training("3bit", "unary", "full"),
        *(uniform(bits, signed=True) for bits in _BITS),
        *(uniform(bits, signed=False) for bits in _BITS),
    )
}
"""How networks are made, by name. A network that none of these makes, as one of weights and
activations of unequal widths, "unsigned-4x6bit", is measured where the folder has it."""


def integer_network(network: Network, name: str, folder: Path, kept: Path) -> IntegerNetwork | None:
    """The network of that name, from the folder ``kept``; made, and kept, where it is not there.

    A column's network is ``NAME.npz``, beside it ``NAME.json`` with what decides it: where that
    says something else it is made anew. A network without such a file was put there, and is taken
    as it is.

    Parameters
    ----------
    network : the float network
    name : of one of :data:`COLUMNS`, or of a file
    folder : the data folder
    kept : has a file for each network

    Returns
    -------
    None where there is no such file and no such column

    Raises
    ------
    InputError : the network cannot be quantised so, or a file cannot be read or written
    """
    path, about = kept / f"{name}.npz", kept / f"{name}.json"
    column = COLUMNS.get(name)
    decided = deciders(network, column, folder) if column else None
    if path.is_file() and (not about.is_file() or _read(about) == decided):
        return load(path)
    if column is None:
        return None
    made = column.quantise(network.graph(folder), network.calibration(folder), None)
    kept.mkdir(parents=True, exist_ok=True)
    save(made, path)
    with whole_file(about) as part:
        part.write_text(json.dumps(decided, indent=1) + "\n")
    return made


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
