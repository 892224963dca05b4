"""Bits at the ports: terms a cycle ahead of the rows that they need."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.lanes_core import Structure
from benchmarks.lanes_schedule import Cycle, Term
from benchmarks.lanes_stimulus import stimulate
from benchmarks.lanes_tiles import Tile
from pann_hw.config import AcceleratorConfig

CONFIG = AcceleratorConfig(lanes=4, rails=2, operand_width=4, lane="csd", weight_width=4)
STRUCTURE = Structure(4)


def tile(windows: int) -> Tile:
    rows = np.arange(windows)[:, None] + np.arange(4)
    return Tile("a", 0, rows, np.zeros((windows, 3), np.int64), 2)


def number(bits: np.ndarray) -> int:
    return int(bits @ (1 << np.arange(len(bits))))


def test_terms_rows_and_ends() -> None:
    schedules: list[list[Cycle]] = [
        [(Term(0, 2, 3, False), None), (Term(5, 0, 1, True), Term(6, 1, 2, False))],
        [(None, Term(1, 1, 0, True))],
    ]
    found = stimulate([tile(8), tile(2)], schedules, CONFIG, STRUCTURE)
    ports = {name: [number(row) for row in bits] for name, bits in found.ports.items()}
    assert ports["enable"] == [1, 1, 1, 0, 0]
    assert ports["clear"] == [1, 0, 1, 0, 0]
    assert ports["active"] == [0b01, 0b11, 0b10, 0, 0]
    assert ports["negative"] == [0, 0b01, 0b10, 0, 0]
    assert ports["slot"] == [0, 1 | 2 << 2, 1 << 2, 0, 0]
    assert ports["offset"] == [2, 1 << 2, 1 << 2, 0, 0]
    assert ports["factor"] == [3, 1 | 2 << 2, 0, 0, 0]
    assert ports["left_edge"] == [0b0101] * 5 and ports["right_edge"] == [0b1010] * 5
    rows = found.ports["rows"].reshape(5, 4, 4, 4)
    # Windows a cycle after the terms that need them; a slot that nothing needs keeps what it had.
    firsts = [[number(rows[cycle, slot, 0]) for slot in range(4)] for cycle in range(5)]
    assert firsts == [[0, 1, 2, 0], [0, 1, 2, 0], [0, 5, 6, 7], [0, 1, 6, 7], [0, 1, 6, 7]]
    assert (list(found.ends), list(found.cycles)) == ([4, 5], [2, 1])


def test_a_group_is_there_as_a_whole() -> None:
    found = stimulate([tile(8)], [[(Term(6, 0, 0, False), None)]], CONFIG, STRUCTURE, 4)
    rows = found.ports["rows"].reshape(-1, 4, 4, 4)
    assert [number(rows[1, slot, 0]) for slot in range(4)] == [4, 5, 6, 7]


def test_a_window_that_is_in_no_slot_is_refused() -> None:
    cycle: Cycle = (Term(0, 0, 0, False), Term(3, 0, 0, False))
    with pytest.raises(ValueError, match="window 3 is not in slot 3"):
        stimulate([tile(8)], [[cycle]], CONFIG, STRUCTURE)
