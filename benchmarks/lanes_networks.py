"""Networks whose weights and activations lanes are measured on, made once and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cell import deciders
from benchmarks.columns import Column, post_training
from benchmarks.frontier_columns import FRONTIER
from benchmarks.networks import Network
from pann_hw.commands.console import say
from pann_hw.files import whole_file
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.store import load, save

__all__ = ["COLUMNS", "integer_network"]

COLUMNS: Mapping[str, Column] = {
    **FRONTIER,
    **{
        column.name: column
        for column in (post_training("3bit", "unary", "full"), post_training("8", "csd", widest=4))
    },
}
"""How networks are made, by name."""


def integer_network(network: Network, name: str, folder: Path, kept: Path) -> IntegerNetwork:
    """The network of that name, from the folder ``kept``; made, and kept, where it is not there.

    It is ``NAME.npz``, beside it ``NAME.json`` with what decides it: where that says something else
    the network is made anew. One without such a file was put there, and is taken as it is. The
    folder can be one of ``benchmarks.frontier``.

    Parameters
    ----------
    network : the float network
    name : of one of :data:`COLUMNS`
    folder : the data folder
    kept : has the two files of each network

    Raises
    ------
    InputError : the network cannot be quantised so, or a file cannot be read or written
    """
    path, about = kept / f"{name}.npz", kept / f"{name}.json"
    column = COLUMNS[name]
    decided = deciders(network, column, folder)
    if path.is_file() and (not about.is_file() or _read(about) == decided):
        return load(path)
    say(f"{network.title}, {column.label}")
    training = network.training(folder) if column.trains else None
    made = column.quantise(network.graph(folder), network.calibration(folder), training)
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
