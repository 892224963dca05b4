"""Bit flips of one signal over a run of inferences, from the values that it takes."""

from __future__ import annotations

import numpy as np

__all__ = ["Chain", "bit_flips"]


def bit_flips(values: np.ndarray) -> np.ndarray:
    """Flips between successive values: int64 (batch,) from unsigned (batch, steps, ...)."""
    changed = np.bitwise_count(values[:, 1:] ^ values[:, :-1])
    flips: np.ndarray = changed.reshape(len(values), -1).sum(1, dtype=np.int64)
    return flips


class Chain:
    """A register or wire group that takes one value after another.

    Inferences run one after another on one piece of hardware, so an inference finds what the one
    before left; a batch is predicted at once all the same, and joined in :meth:`close`.

    Parameters
    ----------
    batch : inferences
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._first: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._flips = np.zeros(batch, np.int64)

    def push(self, values: np.ndarray) -> None:
        """Take unsigned values (batch or 1, steps, ...), one step after the other."""
        if not values.shape[1]:
            return
        if self._first is None:
            self._first = values[:, 0]
        elif self._last is not None:
            joint = np.stack(np.broadcast_arrays(self._last, values[:, 0]), 1)
            self._flips += bit_flips(joint)
        self._flips += bit_flips(values)
        self._last = values[:, -1]

    def close(self, initial: np.ndarray | int) -> tuple[np.ndarray, np.ndarray | int]:
        """Flips per inference, and the value left, where the first inference finds ``initial``."""
        if self._first is None or self._last is None:
            return self._flips, initial
        shape = (self._batch, *self._first.shape[1:])
        first, last = np.broadcast_to(self._first, shape), np.broadcast_to(self._last, shape)
        before = np.broadcast_to(initial, (1, *shape[1:])).astype(last.dtype)
        found = np.concatenate([before, last[:-1]])
        return self._flips + bit_flips(np.stack([found, first], 1)), last[-1]
