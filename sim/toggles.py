"""Toggle counts of nets, and counters that must agree on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pann_hw.errors import MismatchError, ToolError

__all__ = ["Counts", "agreed", "as_words"]

Counts = Mapping[str, np.ndarray]
"""Path of instances and net, joined by dots -> toggles, int64 (width,), lowest bit first."""


def as_words(counts: Mapping[str, Mapping[int, int]]) -> dict[str, np.ndarray]:
    """Counts by net and bit as an array for each net, lowest bit first."""
    return {
        name: np.array([bits[bit] for bit in sorted(bits)], np.int64)
        for name, bits in counts.items()
    }


def agreed(
    nets: Mapping[str, Mapping[str, int]], counters: Mapping[str, Counts], scope: str
) -> dict[str, dict[str, np.ndarray]]:
    """Toggles on which two counters agree.

    Parameters
    ----------
    nets : instance -> net -> width
    counters : name of each of the two -> its counts
    scope : path to the instances

    Returns
    -------
    dict : instance -> net -> int64 (width,), lowest bit first

    Raises
    ------
    MismatchError : the counters differ; says in how many bits, in which first, and both counts
    ToolError : a counter lacks a net, or has it in another width
    """
    (one, first), (other, second) = counters.items()
    toggles: dict[str, dict[str, np.ndarray]] = {}
    differing: list[str] = []
    for instance, widths in nets.items():
        toggles[instance] = {}
        for net, width in widths.items():
            path = f"{scope}.{instance}.{net}"
            for name, counts in counters.items():
                found = len(counts.get(path, ()))
                if found != width:
                    raise ToolError(
                        f"{name} has {found} bits of {instance}.{net}, must have {width}"
                    )
            differing += [
                f"{instance}.{net}[{bit}]: {first[path][bit]} by {one}, "
                f"{second[path][bit]} by {other}"
                for bit in np.flatnonzero(first[path] != second[path])
            ]
            toggles[instance][net] = first[path]
    if differing:
        total = sum(width for widths in nets.values() for width in widths.values())
        raise MismatchError(
            f"toggles of {len(differing)} of {total} bits differ, first {differing[0]}"
        )
    return toggles
