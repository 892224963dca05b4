"""Classes of modules, by which energy is told apart."""

from __future__ import annotations

import re

__all__ = ["CLASSES", "class_of"]

_PATTERNS = {
    "lanes": r"array\.core_\d+\.lane_\d+\b",
    "operand select": r"array\.core_\d+\b",
    "term stream": r"array\.(terms|term_memory|weight_memory)_\d+\b|array\.linear_stream\b",
    "row buffer": r"array\.row_buffer\b",
    "fetch": r"array\.(reader|sequencer)\b|activations_\d+\b",
    "requantiser": r"drain\.requantiser_\d+\b",
    "drain": r"drain\b|store_port\b",
    "pooling": r"array\.max_pool\b",
    "control": r"",
}
"""The first that the path of instances begins with counts; "operand select" is a core without its
lanes, with the registers of finished sums; nets and buffers that modules share are "control"."""

CLASSES = tuple(_PATTERNS)


def class_of(path: str) -> str:
    """The class of a module, or of a memory, by its path of instances below the top module."""
    return next(name for name, pattern in _PATTERNS.items() if re.match(pattern, path))
