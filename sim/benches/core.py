"""A core against the sum that its docstring states."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from sim.benches.lane import multiple, random_factor
from sim.benches.ports import bench_test
from sim.benches.units import (
    CONFIG,
    FOUR_TERMS,
    LINEAR,
    MULTIPLYING,
    ONE_RAIL,
    UNSIGNED,
    unit_ports,
)

__all__ = ["linear_passes", "tiles"]

_CORES = {
    "core": CONFIG,
    "core_one_rail": ONE_RAIL,
    "core_four": FOUR_TERMS,
    **{f"core_{name}": config for name, config in MULTIPLYING.items()},
    **{f"core_unsigned_{name}": config for name, config in UNSIGNED.items()},
    **{f"core_linear_{name}": config for name, config in LINEAR.items() if config.windows},
}
"""Those that see windows."""

_TILES = 150


def _masks(config: AcceleratorConfig) -> dict[str, int]:
    """Lanes in use, and those at edges: of a grid, or of none that there could be."""
    lanes = config.lanes
    if random.random() < 0.3:
        names = ("lane_on", "left_edge", "right_edge")
        return {name: random.getrandbits(lanes) for name in names}
    columns = 1 << random.randrange(lanes.bit_length())
    strips, used = random.randint(1, lanes // columns), random.randint(1, columns)
    column = [lane % columns for lane in range(lanes)]
    return {
        "lane_on": sum(1 << i for i in range(strips * columns) if column[i] < used),
        "left_edge": sum(1 << i for i in range(lanes) if column[i] == 0),
        "right_edge": sum(1 << i for i in range(lanes) if column[i] == columns - 1),
    }


def _control(config: AcceleratorConfig, clear: bool, last: bool) -> dict[str, Any]:
    """A bundle; places without a term have fields all the same.

    For unsigned accumulators all its terms have one sign, and the last bundle of a tile adds.
    """
    terms = [
        {
            "active": int(random.random() < 0.7),
            "slot": random.randrange(config.window_slots),
            "offset": random.randrange(3),
            "factor": random_factor(config),
            "negative": random.getrandbits(1),
        }
        for _ in range(config.terms)
    ]
    if config.unsigned:
        negative = int(not last and random.random() < 0.5)
        for term in terms:
            term["negative"] = negative if term["active"] else random.getrandbits(1)
    ends = last and config.unsigned
    enable = int(clear or ends or any(term["active"] for term in terms))
    return {"enable": enable, "clear": int(clear), "last": int(last), "terms": terms}


def _operand(
    rows: Sequence[Sequence[int]], term: Mapping[str, int], lane: int, masks: Mapping[str, int]
) -> int:
    """What a lane sees of a term's window."""
    beyond = {0: masks["left_edge"], 1: 0, 2: masks["right_edge"]}[term["offset"]]
    column = lane + term["offset"] - 1
    row = rows[term["slot"]]
    seen = term["active"] and masks["lane_on"] >> lane & 1 and not beyond >> lane & 1
    return row[column] if seen and 0 <= column < len(row) else 0


def _sum(
    config: AcceleratorConfig,
    rows: Sequence[Sequence[int]],
    control: Mapping[str, Any],
    lane: int,
    masks: Mapping[str, int],
) -> int:
    """What a bundle adds to a lane."""
    total = 0
    for term in control["terms"]:
        total += _operand(rows, term, lane, masks) * multiple(
            config, term["factor"], term["negative"]
        )
    return total


class _Sums:
    """A tile's sums: complete two cycles after the last bundle, until they are taken."""

    def __init__(self) -> None:
        self.values: list[int] | None = None
        self._age = 0

    @property
    def ready(self) -> bool:
        return self.values is not None and self._age >= 2

    def tick(self) -> None:
        self._age += 1

    def give(self, values: list[int]) -> None:
        self.values, self._age = values, 1


@bench_test
@cocotb.parametrize(name=list(_CORES), idle=[0.0, 0.4])
async def tiles(dut: Any, name: str, idle: float) -> None:
    """Tiles one upon the other, whose sums stay until taken while the next tile is summed."""
    config = _CORES[name]
    ports = unit_ports(dut, name)
    await ports.begin()
    if config.linear:
        # Not a linear pass, whatever else is driven.
        ports.drive(linear=_addition(config, 1, 1)[0], column=_column(config))
    sums = _Sums()
    overlapped = 0
    for tile in range(_TILES):
        masks = _masks(config)
        count = random.choice((1, 2, random.randint(3, 12)))
        totals = [0] * config.lanes
        index = 0
        while index < count:
            rows = _rows(config)
            control = _control(config, index == 0, index == count - 1)
            # The last bundle waits for the sums before it, as the term stream sees to.
            waits = control["last"] and sums.values is not None
            if waits or random.random() < idle:
                control = {"enable": 0, "clear": 0, "last": 0}
            taken = sums.ready and random.random() < 0.3
            ports.drive(rows=rows, control=control, taken=int(taken), **masks)
            await ports.tick()
            overlapped += sums.values is not None and bool(control["enable"])
            sums.tick()
            if taken:
                sums.values = None
            if "terms" in control:
                for lane in range(config.lanes):
                    totals[lane] += _sum(config, rows, control, lane, masks)
                index += 1
                if index == count:
                    sums.give(totals)
            assert ports.read("ready") == sums.ready, f"tile {tile}"
            if sums.ready:
                assert list(ports.record("sums")) == sums.values, f"tile {tile}"
    assert overlapped > 0


def _column(config: AcceleratorConfig) -> list[dict[str, int]]:
    """A weight for each lane, with both zeros."""
    largest = config.largest_weight
    return [
        {"magnitude": random.randint(0, largest), "negative": random.getrandbits(1)}
        for _ in range(config.lanes)
    ]


def _addition(config: AcceleratorConfig, clear: int, last: int) -> tuple[dict[str, Any], int]:
    """Control of an addition, and how often it adds the column."""
    terms = [
        {"active": random.getrandbits(1), "shift": random.randint(0, max(config.shift, 1))}
        for _ in range(config.terms)
    ]
    times = sum(term["active"] << (term["shift"] if config.shift else 0) for term in terms)
    scale = int(not clear and random.random() < 0.2)
    control = {"enable": 1, "clear": clear, "scale": scale, "last": last, "terms": terms}
    return control, times


@bench_test
@cocotb.parametrize(name=list(LINEAR), idle=[0.0, 0.4])
async def linear_passes(dut: Any, name: str, idle: float) -> None:
    """Every lane adds its own weights; those that are no output stay at what they begin with."""
    config = LINEAR[name]
    ports = unit_ports(dut, f"core_linear_{name}")
    await ports.begin()
    half = 1 << config.accumulator_width - 1
    if config.windows:
        # A bundle that stands still from the pass before.
        ports.drive(control=_control(config, False, False) | {"enable": 0}, rows=_rows(config))
    for number in range(60):
        on = random.getrandbits(config.lanes)
        totals = [0] * config.lanes
        count = random.randint(1, 12)
        for index in range(count):
            while random.random() < idle:
                ports.drive(linear={"enable": 0, "last": 0}, column=_column(config), taken=0)
                await ports.tick()
            control, times = _addition(config, int(index == 0), 0)
            column = _column(config)
            ports.drive(linear_on=1, lane_on=on, linear=control, column=column, taken=0)
            await ports.tick()
            for lane, weight in enumerate(column):
                product = weight["magnitude"] * times
                product = -product if weight["negative"] else product
                if control["clear"]:
                    totals[lane] = product
                elif on >> lane & 1:
                    factor = config.largest_weight + 1 if control["scale"] else 1
                    total = totals[lane] * factor + product
                    totals[lane] = (total + half) % (2 * half) - half
        ports.drive(linear={"enable": 0, "last": 1}, column=_column(config))
        await ports.tick()
        # The pass is over, as the array sees it.
        ports.drive(linear={"enable": 0, "last": 0}, linear_on=0)
        assert not ports.read("ready")
        await ports.tick()
        assert ports.read("ready"), f"pass {number}"
        assert list(ports.record("sums")) == totals, f"pass {number}"
        ports.drive(taken=1)
        await ports.tick()
        assert not ports.read("ready")


def _rows(config: AcceleratorConfig) -> list[list[int]]:
    return [
        [random.getrandbits(config.operand_width) for _ in range(config.lanes)]
        for _ in range(config.window_slots)
    ]
