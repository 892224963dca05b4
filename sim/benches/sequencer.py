"""The sequencer between models of everything that it starts and waits for."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from pann_hw.program.layout import (
    MAX_POINTS,
    POINT,
    POINT_WORDS,
    directory_stride,
    pack,
    pack_words,
)
from pann_hw.registers.error import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["failed_input", "inferences", "missing_point"]

_STRIDE = directory_stride(CONFIG)
_OUTPUTS = ("jump", "input_start", "passes_start", "done")
_IDLE = {"input_error": 0, "input_busy": 0, "input_free": 0, "passes_end": 0, "array_busy": 1}
"""Inputs while nothing happens around the sequencer."""


class _Bench:
    """The directory, with random operating points at some of its places."""

    def __init__(self, dut: Any) -> None:
        self.ports: Ports = unit_ports(dut, "sequencer")
        self.memory = [0] * (MAX_POINTS * _STRIDE)
        self.points: dict[int, tuple[dict[str, int], list[int]]] = {}
        self._word = 0

    def load(self, numbers: list[int]) -> None:
        """Fill the directory."""
        for number in numbers:
            entry = {name: random.getrandbits(width) for name, width in POINT.items()}
            entry["first_pass"] |= 1
            targets = [random.getrandbits(16) for _ in range(CONFIG.cores)]
            words = [*pack_words(POINT, entry), *targets]
            self.memory[number * _STRIDE : number * _STRIDE + len(words)] = words
            self.points[number] = entry, targets

    async def start(self, number: int) -> None:
        self.ports.drive(start=1, point=number)
        await self.ports.tick()
        self.ports.drive(start=0, point=random.getrandbits(3))

    async def cycle(self, **values: int) -> dict[str, int]:
        """One cycle with these inputs, and what the sequencer asks for in it."""
        ports = self.ports
        ports.drive(word=self._word, **values)
        await ports.settle()
        seen = {name: ports.read(name) for name in (*_OUTPUTS, "ready", "busy", "error")}
        if seen["jump"]:
            seen["target"] = self._word
        self._word = self.memory[ports.read("address") % len(self.memory)]
        await ports.tick()
        return seen

    async def front(self, number: int, delay: int, *, running: bool) -> None:
        """Start an operating point and answer up to ``delay`` cycles late, until its passes start.

        With ``running`` passes of the inference before it are under way, and end in between.
        """
        entry, targets = self.points[number]
        await self.start(number)
        idle = _IDLE | {"input_free": 0}
        for _ in range(1 + POINT_WORDS):
            assert self.busy_only(await self.cycle(**idle))
        if running:
            for _ in range(random.randint(0, delay)):
                assert self.busy_only(await self.cycle(**idle))
            idle["input_free"] = 1
        seen = await self.cycle(**idle)
        assert seen["input_start"] and not seen["ready"]
        assert self.ports.read("entry") == pack(POINT, entry)
        for _ in range(1 + random.randint(0, delay)):
            assert self.busy_only(await self.cycle(**idle | {"input_busy": 1}))
        if running:
            for _ in range(random.randint(1, 1 + delay)):
                assert self.busy_only(await self.cycle(**idle))
            await self.end(delay, idle)
        assert self.busy_only(await self.cycle(**idle))
        jumps = []
        for _ in targets:
            assert not seen["passes_start"]
            seen = await self.cycle(**idle)
            jumps.append((seen["jump"], seen.get("target")))
        assert jumps == [(1 << core, target) for core, target in enumerate(targets)]
        assert seen["passes_start"] and not seen["ready"]

    def busy_only(self, seen: dict[str, int]) -> bool:
        """Nothing is asked for, and no start would be taken."""
        return bool(seen["busy"]) and not any(seen[n] for n in (*_OUTPUTS, "ready", "error"))

    async def end(self, delay: int, idle: dict[str, int]) -> None:
        """The last pass is through, the array a little later."""
        assert not (await self.cycle(**idle | {"passes_end": 1}))["done"]
        for _ in range(random.randint(0, delay)):
            assert not (await self.cycle(**idle))["done"]
        seen = await self.cycle(**idle | {"array_busy": 0})
        assert seen["done"] and seen["busy"]


@bench_test
@cocotb.parametrize(delay=[0, 7])
async def inferences(dut: Any, delay: int) -> None:
    """Operating points in any order, some started while the passes of others are under way."""
    bench = _Bench(dut)
    await bench.ports.begin()
    bench.load([0, 2, 7])
    for _ in range(15):
        await bench.front(random.choice((0, 2, 7)), delay, running=False)
        seen = await bench.cycle(**_IDLE)
        assert seen["busy"] and seen["ready"]
        for _ in range(random.randint(0, 2)):
            await bench.front(random.choice((0, 2, 7)), delay, running=True)
        await bench.end(delay, _IDLE)
        assert not (await bench.cycle(**_IDLE))["busy"]


@bench_test
@cocotb.parametrize(late=[False, True])
async def failed_input(dut: Any, late: bool) -> None:
    """An input that fails ends its inference, and nothing else."""
    bench = _Bench(dut)
    await bench.ports.begin()
    bench.load([3])
    for _ in range(3):
        await bench.start(3)
        for _ in range(1 + POINT_WORDS):
            await bench.cycle(**_IDLE)
        assert (await bench.cycle(**_IDLE))["input_start"]
        for _ in range(random.randint(1, 9) if late else 0):
            assert bench.busy_only(await bench.cycle(**_IDLE | {"input_busy": 1}))
        seen = await bench.cycle(**_IDLE | {"input_busy": 1, "input_error": Error.INPUT_LONG})
        assert seen["error"] == Error.INPUT_LONG and not seen["passes_start"]
        seen = await bench.cycle(**_IDLE)
        assert seen["ready"] and not seen["busy"] and not seen["error"]
        await bench.front(3, 2, running=False)
        await bench.end(2, _IDLE)


@bench_test
async def missing_point(dut: Any) -> None:
    """A point that is not loaded is an error at once, without any side effect, and no hang."""
    bench = _Bench(dut)
    await bench.ports.begin()
    bench.load([1])
    for number in (0, 2, 7):
        await bench.start(number)
        seen = [await bench.cycle() for _ in range(6)]
        assert not any(one[name] for one in seen for name in _OUTPUTS)
        assert [one["error"] for one in seen if one["error"]] == [Error.POINT_NOT_LOADED]
        assert not bench.ports.read("busy")
        await bench.front(1, 2, running=False)
        await bench.end(2, _IDLE)
