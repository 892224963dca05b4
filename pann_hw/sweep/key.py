"""Keys of results: the SHA-256 of all that decides them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

import pann_hw

__all__ = ["digest", "versions"]

_SOURCES = ("quantise", "integer", "network/graph.py", "power/formulas.py", "sweep")
"""Folders and files of the package that decide what a point's figures are."""


@cache
def versions() -> Mapping[str, str]:
    """Of all software that figures depend on: this package, its sources, torch and NumPy."""
    root = Path(pann_hw.__file__).parent
    hashed = hashlib.sha256()
    for place in _SOURCES:
        path = root / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            hashed.update(f"{file.relative_to(root).as_posix()}\n".encode())
            hashed.update(file.read_bytes())
    return {
        "pann_hw": pann_hw.__version__,
        "sources": hashed.hexdigest()[:12],
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def digest(*values: object) -> str:
    """SHA-256 of values: numbers, text, None, arrays, tensors, and sequences, mappings with text
    as keys, and dataclasses of these.

    Values that differ in type, shape or any bit give another one.

    Raises
    ------
    TypeError : a value of another type
    """
    hashed = hashlib.sha256()
    _feed(hashed, values)
    return hashed.hexdigest()


def _feed(hashed: hashlib._Hash, value: object) -> None:
    """Each value as its type and length ahead of its bytes, so that no two run together."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        _write(hashed, f"array {value.dtype.str} {value.shape}", value.tobytes())
    elif isinstance(value, str | int | float | np.generic) or value is None:
        _write(hashed, type(value).__name__, repr(value).encode())
    elif isinstance(value, tuple | list):
        _write(hashed, f"sequence {len(value)}", b"")
        for item in value:
            _feed(hashed, item)
    elif isinstance(value, Mapping):
        _write(hashed, f"mapping {len(value)}", b"")
        for name in sorted(value):
            _feed(hashed, name)
            _feed(hashed, value[name])
    elif is_dataclass(value) and not isinstance(value, type):
        _write(hashed, type(value).__qualname__, b"")
        _feed(hashed, {field.name: getattr(value, field.name) for field in fields(value)})
    else:
        raise TypeError(f"a value of type {type(value).__name__} has no digest")


def _write(hashed: hashlib._Hash, kind: str, content: bytes) -> None:
    hashed.update(f"{kind} {len(content)}\n".encode())
    hashed.update(content)
