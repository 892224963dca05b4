"""The descriptor reader: passes and records of linked programs, offered until they are taken."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.passes import Descriptor, descriptors, random_program
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["programs"]


class _Bench:
    """The reader between a descriptor memory and the units that take what it offers."""

    def __init__(self, dut: Any, delay: float) -> None:
        self.ports: Ports = unit_ports(dut, "descriptor_reader")
        self._memory: dict[int, int] = {}
        self._delay = delay

    async def begin(self) -> None:
        await self.ports.begin()
        cocotb.start_soon(self._serve())

    async def _serve(self) -> None:
        """The descriptor memory: a word is there a cycle after its address."""
        while True:
            await self.ports.settle()
            address = self.ports.read("address")
            await self.ports.tick()
            self.ports.drive(word=self._memory.get(address, 0))

    async def run(self, passes: list[Descriptor]) -> int:
        """Read a program and compare what is offered, cycle by cycle: cycles."""
        self._memory = {
            one.address + number: word for one in passes for number, word in enumerate(one.words)
        }
        self.ports.drive(start=1, first_pass=passes[0].address)
        await self.ports.tick()
        self.ports.drive(start=0, first_pass=0)
        with_records = [one for one in passes if not one.compiled.pool]
        items = records = cycles = 0
        while items < len(passes) or records < len(with_records):
            taken = {"item_taken": 0, "records_taken": 0}
            if self.ports.read("item_valid"):
                self._check_item(passes[items])
                taken["item_taken"] = int(random.random() >= self._delay)
            # Records are taken after the pass that they belong to.
            if self.ports.read("records_valid"):
                self._check_records(with_records[records])
                early = with_records[records] in passes[items:]
                taken["records_taken"] = int(not early and random.random() >= self._delay)
            self.ports.drive(**taken)
            await self.ports.tick()
            items, records = items + taken["item_taken"], records + taken["records_taken"]
            cycles += 1
            assert cycles < 20000, f"{items} passes of {len(passes)}, then none"
        self.ports.drive(item_taken=0, records_taken=0)
        return cycles

    def _check_item(self, expected: Descriptor) -> None:
        item, segments = self.ports.record("item"), self.ports.record("segments")
        assert _fields(item, expected.item) == expected.item
        for found, segment in zip(segments, expected.segments, strict=False):
            assert _fields(found, segment) == segment

    def _check_records(self, expected: Descriptor) -> None:
        for found, record in zip(self.ports.record("records"), expected.records, strict=False):
            assert _fields(found, record) == record


def _fields(found: Any, names: dict[str, int]) -> dict[str, int]:
    return {name: int(found[name]) for name in names}


@bench_test
@cocotb.parametrize(delay=[0.0, 0.5, 0.98])
async def programs(dut: Any, delay: float) -> None:
    """One and two segments, pooling without records, program after program to its final pass."""
    bench = _Bench(dut, delay)
    await bench.begin()
    for _ in range(8):
        passes = descriptors(random_program(CONFIG))
        cycles = await bench.run(passes)
        if not delay:
            # A cycle for each word, one before the pass and one before its records; the last taken.
            assert cycles == sum(len(one.words) + 2 for one in passes) + 1
        assert {len(one.segments) for one in passes} == {1, 2}
        address = bench.ports.read("address")
        for _ in range(60):
            await bench.ports.tick()
            assert not bench.ports.read("item_valid") and not bench.ports.read("records_valid")
            assert bench.ports.read("address") == address, "reads on after the final pass"
        assert address == passes[-1].address + len(passes[-1].words)
