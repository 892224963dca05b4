"""The sequencer between models of everything that it controls."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import cocotb

from pann_hw.program.layout import (
    CORE,
    MAX_POINTS,
    PASS,
    POINT_WORDS,
    SEGMENT,
    directory_stride,
    pack,
    pack_words,
)
from rtl_gen.program_loader import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["inferences", "missing_point"]

_RAILS = CONFIG.cores * CONFIG.rails
_STRIDE = directory_stride(CONFIG)

Event = tuple[Any, ...]


def _random_record(fields: dict[str, int]) -> dict[str, int]:
    return {name: random.getrandbits(width) for name, width in fields.items()}


@dataclass
class _Point:
    """An operating point: what its descriptors are and what must happen."""

    words: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    passes: int = 0
    tiles: int = 0

    def add_pass(self, final: bool) -> None:
        """A random pass; pool passes have neither cores nor a drain."""
        pool, two = random.random() < 0.3, random.random() < 0.5
        item = _random_record(dict(PASS)) | {
            "pool": int(pool),
            "final": int(final),
            "two_segments": int(two),
            "cores": 0 if pool else random.randint(1, CONFIG.cores),
            "rows": random.randint(1, 3),
            "tiles_per_row": random.randint(1, 3),
            "last_valid": random.randint(1, CONFIG.lanes),
        }
        segments = [_random_record(dict(SEGMENT)) for _ in range(1 + two)]
        cores = [_random_record(dict(CORE)) for _ in range(item["cores"])]
        self.words += pack_words(PASS, item)
        for record in segments:
            self.words += pack_words(SEGMENT, record)
        for record in cores:
            self.words += pack_words(CORE, record)
        self.events.append(("pass", item, segments, cores))
        count = item["rows"] * item["tiles_per_row"]
        for tile in range(count):
            address = (item["output_base"] + tile) % 2**16
            last = tile % item["tiles_per_row"] == item["tiles_per_row"] - 1
            valid = item["last_valid"] if last else CONFIG.lanes
            final_tile = tile == count - 1
            self.events.append(("tile", address, (1 << valid) - 1, int(final_tile), int(not pool)))
            if not final_tile:
                self.events.append(("next",))
            if not pool:
                self.events.append(("drain", address, valid, int(final and final_tile)))
        self.passes += 1
        self.tiles += count


class _Bench:
    """The sequencer's surroundings: each answers after a random time."""

    def __init__(self, dut: Any) -> None:
        self.ports: Ports = unit_ports(dut, "sequencer")
        self.memory = [0] * CONFIG.descriptor_words
        self.points: dict[int, _Point] = {}

    def load(self, numbers: list[int]) -> None:
        """Fill directory and memory with random operating points at these numbers."""
        end = MAX_POINTS * _STRIDE
        for number in numbers:
            point = _Point()
            base, width, rows = (random.getrandbits(16) for _ in range(3))
            targets = [random.getrandbits(16) for _ in range(_RAILS)]
            directory = [end | base << 16, width | rows << 16, *targets]
            self.memory[number * _STRIDE : number * _STRIDE + len(directory)] = directory
            point.events = [("jump", 1 << rail, target) for rail, target in enumerate(targets)]
            point.events.append(("input", base, width, rows))
            passes = random.randint(1, 3)
            for index in range(passes):
                point.add_pass(index == passes - 1)
            self.memory[end : end + len(point.words)] = point.words
            end += len(point.words)
            self.points[number] = point

    async def start(self, number: int) -> None:
        self.ports.drive(start=1, point=number)
        await self.ports.tick()
        self.ports.drive(start=0, point=random.getrandbits(3))

    def _seen(self, running: bool, pool: bool) -> list[Event]:
        """What the sequencer asks for in this cycle; ``running``: it ran in the last one."""
        read = self.ports.read
        events: list[Event] = []
        if jump := read("jump"):
            events.append(("jump", jump, read("target")))
        if read("input_start"):
            events.append(("input", *(read(f"input_{name}") for name in ("base", "width", "rows"))))
        if read("run") and not running:
            names = ("tile_address", "lane_on", "final_tile")
            events.append(("tile", *(read(name) for name in names), int(not pool)))
        if read("next_tile"):
            events.append(("next",))
        if read("drain_start"):
            names = ("tile_address", "lanes_in_use", "final")
            events.append(("drain", *(read(name) for name in names)))
        return events

    def _check_pass(self, event: Event) -> None:
        """The pass that starts is the one expected, as far as its descriptor goes."""
        _, item, segments, cores = event
        assert self.ports.read("item") == pack(PASS, item)
        size, found = sum(SEGMENT.values()), self.ports.read("segments")
        for index, record in enumerate(segments):
            assert found >> size * index & (1 << size) - 1 == pack(SEGMENT, record)
        size, found = sum(CORE.values()), self.ports.read("records")
        for index, record in enumerate(cores):
            assert found >> size * index & (1 << size) - 1 == pack(CORE, record)

    async def inference(self, number: int, delay: int) -> None:
        """Run an operating point, each answer up to ``delay`` cycles late; check every event."""
        ports, point = self.ports, self.points[number]
        expected = list(point.events)
        await self.start(number)
        waits = {"input_busy": -1, "array": -1, "drain": -1}
        busy = waited = loads = tiles = 0
        running, pool, done = False, False, 0
        word = 0
        while not done:
            ports.drive(
                word=word,
                input_busy=int(waits["input_busy"] > 0),
                array_done=int(waits["array"] == 0),
                drain_done=int(waits["drain"] == 0),
            )
            await ports.settle()
            word = self.memory[ports.read("address") % len(self.memory)]
            assert ports.read("busy") and not ports.read("error")
            busy += 1
            if ports.read("array_start"):
                event = expected.pop(0)
                assert event[0] == "pass"
                self._check_pass(event)
                pool = bool(event[1]["pool"])
            loads += ports.read("load")
            for seen in self._seen(running, pool):
                assert seen == expected.pop(0)
                tiles += seen[0] == "tile" and not pool
            assert loads - tiles in (0, 1), "accumulators are loaded once before each tile"
            running = bool(ports.read("run"))
            done = ports.read("done")
            waited += running
            for name, begins in (("input_busy", "input_start"), ("drain", "drain_start")):
                if ports.read(begins):
                    waits[name] = random.randint(1, 1 + delay)
                    waited += waits[name] + 1
                elif waits[name] >= 0:
                    waits[name] -= 1
            if ports.read("array_start") or ports.read("next_tile"):
                waits["array"] = random.randint(1, 1 + delay)
            elif running and waits["array"] > 0:
                waits["array"] -= 1
            await ports.tick()
            assert busy < 5000, f"hangs before {expected[:1]}"
        assert not expected and not ports.read("busy")
        directory = 1 + POINT_WORDS + _RAILS
        assert busy == directory + len(point.words) + 2 * point.passes + point.tiles + waited


@bench_test
@cocotb.parametrize(delay=[0, 7])
async def inferences(dut: Any, delay: int) -> None:
    """Operating points of random passes, in any order, again and again."""
    bench = _Bench(dut)
    await bench.ports.begin()
    bench.load([0, 2, 7])
    for _ in range(15):
        await bench.inference(random.choice((0, 2, 7)), delay)


@bench_test
async def missing_point(dut: Any) -> None:
    """A point that is not loaded is an error at once, without any side effect, and no hang."""
    bench = _Bench(dut)
    await bench.ports.begin()
    bench.load([1])
    for number in (0, 2, 7):
        await bench.start(number)
        errors = []
        for _ in range(6):
            await bench.ports.settle()
            errors.append(bench.ports.read("error"))
            for output in ("jump", "input_start", "array_start", "run", "drain_start", "done"):
                assert not bench.ports.read(output)
            await bench.ports.tick()
        assert [error for error in errors if error] == [Error.POINT_NOT_LOADED]
        assert not bench.ports.read("busy")
        await bench.inference(1, 2)
