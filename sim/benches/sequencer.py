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
from rtl_gen.program_loader import Error
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["inferences", "missing_point"]

_STRIDE = directory_stride(CONFIG)
_OUTPUTS = ("jump", "input_start", "passes_start", "done")


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
        seen = {name: ports.read(name) for name in (*_OUTPUTS, "busy", "error", "reading")}
        if seen["jump"]:
            seen["target"] = self._word
        self._word = self.memory[ports.read("address") % len(self.memory)]
        await ports.tick()
        return seen

    async def inference(self, number: int, delay: int) -> None:
        """Run an operating point, each answer up to ``delay`` cycles late; check order and time."""
        entry, targets = self.points[number]
        await self.start(number)
        idle = {"input_busy": 0, "passes_end": 0, "array_busy": 1}
        jumps = []
        for _ in range(1 + POINT_WORDS + CONFIG.cores):
            seen = await self.cycle(**idle)
            assert seen["busy"] and seen["reading"] and not seen["passes_start"] | seen["error"]
            if seen["jump"]:
                jumps.append((seen["jump"], seen["target"]))
        assert seen["input_start"]
        assert jumps == [(1 << core, target) for core, target in enumerate(targets)]
        assert self.ports.read("entry") == pack(POINT, entry)

        waits = [random.randint(0, delay) for _ in range(3)]
        for busy in [1] * (1 + waits[0]):
            seen = await self.cycle(**idle | {"input_busy": busy})
            assert seen["busy"] and not any(seen[name] for name in (*_OUTPUTS, "reading"))
        assert (await self.cycle(**idle))["passes_start"]
        for end in [0] * waits[1] + [1]:
            assert not (await self.cycle(**idle | {"passes_end": end}))["done"]
        for _ in range(waits[2]):
            assert not (await self.cycle(**idle))["done"]
        seen = await self.cycle(**idle | {"array_busy": 0})
        assert seen["done"] and seen["busy"]
        assert not (await self.cycle(**idle))["busy"]


@bench_test
@cocotb.parametrize(delay=[0, 7])
async def inferences(dut: Any, delay: int) -> None:
    """Operating points in any order, again and again."""
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
        seen = [await bench.cycle() for _ in range(6)]
        assert not any(one[name] for one in seen for name in _OUTPUTS)
        assert [one["error"] for one in seen if one["error"]] == [Error.POINT_NOT_LOADED]
        assert not bench.ports.read("busy")
        await bench.inference(1, 2)
