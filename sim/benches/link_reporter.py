"""The reporter: reports as the host reads them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.triggers import Timer

from pann_hw.link.protocol import ESCAPE, FLAG, RESULT_BYTES, VERSION, Deframer, Report
from sim.benches.link_units import link_ports
from sim.benches.ports import Ports, bench_test

__all__ = ["fields", "meeting", "results"]

_GAP = 12
"""Fewest cycles between bytes."""


@dataclass
class _Line:
    """What the reporter sees, and the reports that it has sent."""

    ports: Ports
    ring: bytearray = field(default_factory=lambda: bytearray(random.randbytes(RESULT_BYTES)))
    values: list[int] = field(default_factory=lambda: [random.getrandbits(32) for _ in range(16)])
    reports: list[Report] = field(default_factory=list)
    deframer: Deframer = field(default_factory=Deframer)
    sent: int = 0

    async def watch(self) -> None:
        """Take bytes at the pace of a line, and show results and values of registers."""
        read, position, wait = self.ports.read, 0, 0
        while True:
            # The register port shows something else where the report does not read it.
            self.ports.drive(o__ready=int(not wait), result=self.ring[position], value=0)
            await self.ports.settle()
            if read("reading"):
                register, place = read("register"), read("place")
                await self._again(self.values[register] >> 8 * place & 255)
            position = read("position")
            if read("o__valid") and read("o__ready"):
                self.sent += 1
                wait = _GAP + random.choice((0, 0, 3))
                for body in self.deframer.feed(bytes((read("o__payload"),))):
                    report = Report.parse(body)
                    assert report is not None
                    self.reports.append(report)
            await self.ports.tick()
            wait = max(wait - 1, 0)

    async def _again(self, value: int) -> None:
        """In the same cycle, just before its end."""
        await Timer(1, "ns")
        self.ports.drive(value=value)
        await self.ports.settle()

    async def ask(self, register: int, number: int, position: int, **flags: bool) -> None:
        """A right frame has ended."""
        request = {
            "register": register,
            "restart": int(flags.get("restart", False)),
            "version": VERSION,
            "number": number,
            "again": int(flags.get("again", True)),
            "data": int(flags.get("data", False)),
            "position": position,
        }
        self.ports.drive(ended=1, right=1, request=request)
        await self.ports.tick()
        self.ports.drive(ended=0, right=0, request=0)

    async def wrong(self) -> None:
        """A frame has ended that is none."""
        self.ports.drive(ended=1)
        await self.ports.tick()
        self.ports.drive(ended=0)

    async def report(self) -> Report:
        """The next report."""
        while not self.reports:
            await self.ports.tick()
        return self.reports.pop(0)


async def _line(dut: Any) -> _Line:
    line = _Line(link_ports(dut, "reporter"))
    await line.ports.begin()
    cocotb.start_soon(line.watch())
    return line


@bench_test
async def fields(dut: Any) -> None:
    """Every field of a report, also where it has to be escaped."""
    line = await _line(dut)
    special = (FLAG, ESCAPE, 0, 255)
    for _ in range(40):
        following, number = (random.randrange(32) for _ in "fn")
        room = random.choice((*special, random.getrandbits(8)))
        position = random.choice((2 * FLAG, 2 * ESCAPE + 1, random.randrange(RESULT_BYTES)))
        register = random.randrange(16)
        line.values[register] = int.from_bytes(random.choices((*special, 18), k=4), "little")
        line.ports.drive(following=following, room=room, end=position)
        data, restart = random.random() < 0.5, random.random() < 0.2
        await line.ask(register, number, position, data=data, restart=restart)
        assert await line.report() == Report(
            VERSION, restart, data, number, register, line.values[register], following, False,
            room or 256, position, b"",
        )  # fmt: skip
    assert not line.deframer.discarded


@bench_test
async def results(dut: Any) -> None:
    """As many results as there are, from the first that is not acknowledged on."""
    line = await _line(dut)
    for count in (0, 1, 2, 50, 511):
        start = random.randrange(RESULT_BYTES)
        places = [(start + index) % RESULT_BYTES for index in range(count)]
        for place in places[::3]:
            line.ring[place] = random.choice((FLAG, ESCAPE))
        line.ports.drive(end=(start + count) % RESULT_BYTES)
        await line.ask(0, 1, start)
        await line.ports.tick(20)
        assert line.ports.read("acknowledged") == start
        # Those that come while it is sent are for the next one, which goes on behind it.
        line.ports.drive(end=(start + count + 3) % RESULT_BYTES)
        report = await line.report()
        assert report.position == start
        assert report.results == bytes(line.ring[place] for place in places)
        if count < RESULT_BYTES - 3:
            await line.ask(0, 2, start, again=False)
            report = await line.report()
            behind = [(start + count + index) % RESULT_BYTES for index in range(3)]
            assert report.position == behind[0]
            assert report.results == bytes(line.ring[place] for place in behind)


@bench_test
async def meeting(dut: Any) -> None:
    """A frame that ends while a report is sent has one more; wrong frames are told once."""
    line = await _line(dut)
    await line.ports.tick(50)
    assert not line.sent, "speaks without being asked"
    await line.wrong()
    report = await line.report()
    assert report.wrong and not report.data
    await line.ask(3, 5, 0, data=True)
    for wait in (1, 5, 30, 60, 90, 120, 150):
        await line.ports.tick(wait)
        await line.wrong()
        register, number = random.randrange(16), random.randrange(32)
        await line.ask(register, number, 0)
        while (report := await line.report()).number != number:
            # The first report has what its register held, whichever it names.
            assert report.value == line.values[report.register]
        while report.register != register:
            report = await line.report()
        assert report.value == line.values[register]
        await line.ports.tick(400)
        assert len(line.reports) <= 1
        line.reports.clear()
        await line.ask(0, 0, 0)
        assert not (await line.report()).wrong
    assert not line.deframer.discarded
