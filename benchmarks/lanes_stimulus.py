"""Schedules of tiles as bits at the ports of a core, cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.lanes_core import Structure, latency
from benchmarks.lanes_schedule import Schedule
from benchmarks.lanes_tiles import Tile
from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import factor_bits

__all__ = ["Stimulus", "stimulate"]


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Some tiles, one after another.

    Attributes
    ----------
    ports : by name uint8 (cycles, bits), lowest bit first
    ends : of each tile the cycles up to when the lanes have its sums
    cycles : of each tile, its own
    """

    ports: Mapping[str, np.ndarray]
    ends: Sequence[int]
    cycles: Sequence[int]


def stimulate(
    tiles: Sequence[Tile],
    schedules: Sequence[Schedule],
    config: AcceleratorConfig,
    structure: Structure,
    group: int | None = None,
) -> Stimulus:
    """What a core gets for tiles, each with a schedule.

    Rows come a cycle after the terms that need them. They are there for as long as a window is
    in a slot, its number modulo their number.

    Parameters
    ----------
    tiles : as wide as the core
    schedules : of as many places as the lanes have
    group : windows that are put into slots together; None: those from the first that a cycle needs
        on, all slots but one

    Raises
    ------
    ValueError : a term of a window that is in no slot
    """
    total = sum(map(len, schedules)) + latency(structure)
    ports = _ports(config, structure, total)
    slots: list[np.ndarray | None] = [None] * structure.slots
    held = np.zeros(structure.slots, np.int64) - 1
    at, lengths, ends = 0, [], []
    for tile, schedule in zip(tiles, schedules, strict=True):
        held[:] = -1
        lanes = np.arange(config.lanes) % tile.width
        edges = {"left_edge": lanes == 0, "right_edge": lanes == tile.width - 1}
        base = 0
        for number, cycle in enumerate(schedule):
            terms = [term for term in cycle if term is not None]
            if terms:
                base = min(term.window for term in terms)
            first = base if group is None else base - base % group
            last = first + (structure.slots - 1 if group is None else group)
            for window in range(first, min(last, len(tile.windows))):
                slots[window % structure.slots] = tile.windows[window]
                held[window % structure.slots] = window
            later = at + 1
            ports["rows"][later] = _row_bits(slots, config)
            for name, bits in edges.items():
                ports[name][later] = bits
            ports["enable"][at] = 1
            ports["clear"][at] = number == 0
            for place, term in enumerate(cycle):
                if term is None:
                    continue
                slot = term.window % structure.slots
                if held[slot] != term.window:
                    raise ValueError(f"window {term.window} is not in slot {slot}")
                ports["active"][at, place] = 1
                ports["negative"][at, place] = term.negative
                for name, value in (
                    ("slot", slot), ("offset", term.offset), ("factor", term.factor),
                ):  # fmt: skip
                    bits = ports[name].reshape(total, config.terms, -1)
                    bits[at, place] = value >> np.arange(bits.shape[2]) & 1
            at += 1
        lengths.append(len(schedule))
        ends.append(at + latency(structure))
    # Behind the last term nothing changes any more.
    for name in ("rows", "left_edge", "right_edge"):
        ports[name][0] = ports[name][1]
        ports[name][at + 1 :] = ports[name][at]
    return Stimulus(ports, ends, lengths)


def _ports(config: AcceleratorConfig, structure: Structure, cycles: int) -> dict[str, np.ndarray]:
    places = config.terms
    widths = {
        "enable": 1,
        "clear": 1,
        "active": places,
        "negative": places,
        "slot": places * (structure.slots - 1).bit_length(),
        "offset": places * 2,
        "factor": places * factor_bits(config),
        "rows": structure.slots * config.lanes * config.operand_width,
        "left_edge": config.lanes,
        "right_edge": config.lanes,
    }
    return {name: np.zeros((cycles, width), np.uint8) for name, width in widths.items()}


def _row_bits(slots: Sequence[np.ndarray | None], config: AcceleratorConfig) -> np.ndarray:
    empty = np.zeros(config.lanes, np.int64)
    rows = np.stack([empty if row is None else row for row in slots])
    bits: np.ndarray = (rows[..., None] >> np.arange(config.operand_width) & 1).reshape(-1)
    return bits.astype(np.uint8)
