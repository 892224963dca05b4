"""The whole accelerator as a host sees it: streams, registers, interrupt."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from pann_hw.program.layout import MAGIC
from pann_hw.registers.error import Error
from pann_hw.registers.map import Register
from rtl_gen.accelerator import Accelerator
from sim.benches.cases import Cases, Point
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, StreamRules, beats, get, put
from sim.benches.units import BEATS

__all__ = [
    "inferences",
    "input_ahead",
    "output_held_up",
    "overlapping",
    "programs_replace_each_other",
    "start_meets_program",
    "wrong_inputs",
    "wrong_use",
]

_START, _CLEAR, _STOP = 1, 2, 4
_BUSY, _DONE, _LOADED, _ERROR, _READY = 1, 2, 4, 8, 16


def _beats(elements: list[int]) -> list[int]:
    """An input's payloads: above the last one's elements a flag that it is the last."""
    return beats(elements, BEATS.input_elements)


class _Host:
    """Programs and runs the accelerator; watches the rules of its output stream throughout."""

    def __init__(self, dut: Any) -> None:
        self.ports = Ports(dut, Accelerator(BEATS))
        self.rules = StreamRules(self.ports, "output")
        self.cases = Cases()

    async def begin(self) -> None:
        await self.ports.begin()
        cocotb.start_soon(self.rules.watch())

    async def write(self, register: int, value: int) -> None:
        self.ports.drive(registers__address=register, registers__w_data=value)
        self.ports.drive(registers__w_enable=1)
        await self.ports.tick()
        self.ports.drive(registers__w_enable=0)

    async def read(self, register: int) -> int:
        self.ports.drive(registers__address=register)
        await self.ports.settle()
        value = self.ports.read("registers__r_data")
        await self.ports.tick()
        return value

    async def load(self, program: int, pauses: str = "never") -> None:
        await put(self.ports, "program", self.cases.streams[program], PAUSES[pauses]())
        assert await self.read(Register.STATUS) & (_LOADED | _ERROR) == _LOADED

    async def fails_with(self, error: Error) -> None:
        """The accelerator is idle and reports the error; clear it."""
        assert await self.read(Register.STATUS) & (_BUSY | _DONE | _ERROR) == _ERROR
        assert await self.read(Register.ERROR) == error
        await self.write(Register.CONTROL, _CLEAR)
        assert await self.read(Register.ERROR) == Error.NONE

    async def start(self, point: int) -> None:
        await self.write(Register.POINT, point)
        await self.write(Register.CONTROL, _START)

    async def feed(self, case: Point, index: int, pauses: str = "never") -> Any:
        """Begin to send an inference's input beside what comes next."""
        elements = _beats(case.inputs[index])
        return cocotb.start_soon(put(self.ports, "input", elements, PAUSES[pauses]()))

    async def collect(self, case: Point, index: int, pauses: str = "never") -> None:
        """Take the outputs of an inference, compare them, and wait for its end."""
        await self.outputs(case, index, pauses)
        assert await self.read(Register.STATUS) == _DONE | _LOADED | _READY

    async def outputs(self, case: Point, index: int, pauses: str = "never") -> None:
        """Take the outputs of an inference, compare them, and wait for the interrupt."""
        payloads = await get(self.ports, "output", len(case.outputs[index]), PAUSES[pauses]())
        layout = self.ports.shape("output__payload")
        found = [layout.from_bits(payload) for payload in payloads]
        assert [element.value for element in found] == case.outputs[index]
        assert [element.last for element in found] == [0] * (len(found) - 1) + [1]
        for _ in range(3):
            if self.ports.read("irq"):
                break
            await self.ports.tick()
        assert self.ports.read("irq"), "no interrupt after the last output"

    async def infer(
        self, program: int, point: int, index: int, feeding: str = "never", taking: str = "never"
    ) -> None:
        """One whole inference."""
        case = self.cases.points[program][point]
        producer = await self.feed(case, index, feeding)
        await self.start(point)
        await self.collect(case, index, taking)
        await producer
        cycles = await self.read(Register.CYCLES)
        if feeding == taking == "never":
            assert cycles == case.cycles
        else:
            assert cycles >= case.cycles


@bench_test
@cocotb.parametrize(feeding=list(PAUSES), taking=list(PAUSES))
async def inferences(dut: Any, feeding: str, taking: str) -> None:
    """Two operating points in turn, with producers that idle and a consumer that stalls."""
    host = _Host(dut)
    await host.begin()
    await host.load(0, feeding)
    for index, point in enumerate((0, 1, 1, 0)):
        await host.infer(0, point, index, feeding, taking)
    outputs = sum(len(host.cases.points[0][point].outputs[0]) for point in (0, 1, 1, 0))
    assert len(host.rules.transfers) == outputs
    assert taking == "never" or host.rules.waited > 0


@bench_test
async def programs_replace_each_other(dut: Any) -> None:
    """Another network, with other shapes, is loaded without a reset; then the first one again."""
    host = _Host(dut)
    await host.begin()
    for program in (0, 1, 0):
        await host.load(program, "half")
        for index in range(2):
            for point in range(len(host.cases.points[program])):
                await host.infer(program, point, index)


@bench_test
async def input_ahead(dut: Any) -> None:
    """Inputs of several inferences in one unbroken stream: each takes its own, and no more."""
    host = _Host(dut)
    await host.begin()
    await host.load(0)
    case = host.cases.points[0][0]
    elements = [element for index in range(3) for element in _beats(case.inputs[index])]
    producer = cocotb.start_soon(put(host.ports, "input", elements))
    await host.ports.tick(30)
    for index in range(3):
        await host.start(0)
        await host.collect(case, index)
        await host.ports.tick(random.randint(0, 20))
    await producer


@bench_test
async def overlapping(dut: Any) -> None:
    """Each inference is started while the one before it runs, of another point in turn."""
    host = _Host(dut)
    await host.begin()
    await host.load(0)
    turns = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2)]
    cases = host.cases.points[0]
    elements = [e for point, index in turns for e in _beats(cases[point].inputs[index])]
    producer = cocotb.start_soon(put(host.ports, "input", elements, PAUSES["bursts"]()))
    await host.start(0)
    for number, (point, index) in enumerate(turns):
        while number + 1 < len(turns) and not await host.read(Register.STATUS) & _READY:
            pass
        if number + 1 < len(turns):
            await host.start(turns[number + 1][0])
        await host.outputs(host.cases.points[0][point], index)
    await producer
    while await host.read(Register.STATUS) & _BUSY:
        pass
    assert await host.read(Register.STATUS) == _DONE | _LOADED | _READY


@bench_test
async def output_held_up(dut: Any) -> None:
    """A consumer that is never ready finds an element valid, and holds the inference up."""
    host = _Host(dut)
    await host.begin()
    await host.load(0)
    case = host.cases.points[0][0]
    await host.feed(case, 0)
    await host.start(0)
    await host.ports.tick(case.cycles + 500)
    assert host.ports.read("output__valid") and not host.ports.read("irq")
    assert await host.read(Register.STATUS) == _BUSY | _LOADED | _READY
    await host.collect(case, 0)
    assert await host.read(Register.CYCLES) > case.cycles + 500
    await host.infer(0, 1, 1)


@bench_test
async def wrong_use(dut: Any) -> None:
    """Each wrong use is reported, harms nothing, and is followed by a right inference."""
    host = _Host(dut)
    await host.begin()
    assert await host.read(Register.FINGERPRINT) == BEATS.fingerprint

    await host.start(0)
    await host.fails_with(Error.NO_PROGRAM)
    await host.load(0)
    await host.infer(0, 0, 0)

    await host.start(len(host.cases.points[0]))
    await host.ports.tick(10)
    await host.fails_with(Error.POINT_NOT_LOADED)
    await host.infer(0, 1, 1)

    # Its input is not there yet: a second inference is not taken.
    case = host.cases.points[0][0]
    await host.start(0)
    await host.ports.tick(20)
    await host.start(1)
    assert await host.read(Register.ERROR) == Error.START_WHILE_BUSY
    await host.write(Register.CONTROL, _CLEAR)
    await host.feed(case, 2)
    await host.collect(case, 2)
    assert await host.read(Register.CYCLES) > case.cycles

    stream = list(host.cases.streams[1])
    stream[random.randrange(4, len(stream) - 2)] ^= 1 << random.randrange(32)
    await put(host.ports, "program", stream)
    await host.start(0)
    assert await host.read(Register.STATUS) & _BUSY == 0, "runs with a broken program"
    while await host.read(Register.ERROR) == Error.NO_PROGRAM:
        # The flipped bit made a section longer: it still waits for words.
        await host.write(Register.CONTROL, _CLEAR)
        await put(host.ports, "program", [0] * 64)
    await host.write(Register.CONTROL, _CLEAR)
    await host.load(1)
    await host.infer(1, 0, 0)


@bench_test
async def wrong_inputs(dut: Any) -> None:
    """An input too short, too long or broken off is reported; the next one runs, and a program
    loads."""
    host = _Host(dut)
    await host.begin()
    await host.load(0)
    elements = host.cases.points[0][0].inputs[0]
    short, long = _beats(elements[:-4]), _beats([*elements, 1, 2, 3])
    for payloads, error in ((short, Error.INPUT_SHORT), (long, Error.INPUT_LONG)):
        await host.start(0)
        await put(host.ports, "input", payloads)
        await host.ports.tick(3)
        await host.fails_with(error)
        await host.infer(0, 0, 1)
    # Nothing comes any more: the host gives the input up.
    await host.start(0)
    await put(host.ports, "input", _beats(elements)[:5])
    await host.ports.tick(100)
    assert await host.read(Register.STATUS) & (_BUSY | _ERROR) == _BUSY
    await host.write(Register.CONTROL, _STOP)
    await host.fails_with(Error.INPUT_STOPPED)
    # While another inference runs, which is not disturbed.
    case = host.cases.points[0][1]
    producer = await host.feed(case, 0)
    await host.start(1)
    while not await host.read(Register.STATUS) & _READY:
        pass
    await producer
    await host.start(0)
    feeding = cocotb.start_soon(put(host.ports, "input", short))
    await host.outputs(case, 0)
    await feeding
    await host.ports.tick(3)
    assert await host.read(Register.ERROR) == Error.INPUT_SHORT
    await host.write(Register.CONTROL, _CLEAR)
    await host.load(1)
    await host.infer(1, 0, 0)


@bench_test
async def start_meets_program(dut: Any) -> None:
    """A program offered while an inference runs, or as it starts, waits for its end."""
    host = _Host(dut)
    await host.begin()
    await host.load(0)
    for ahead in (0, 1, 2):
        program = ahead % 2
        case = host.cases.points[program][0]
        await host.feed(case, 0)
        await host.write(Register.POINT, 0)
        # The program's first word is offered in the start's cycle, or up to two cycles later.
        host.ports.drive(registers__address=Register.CONTROL, registers__w_data=_START)
        host.ports.drive(registers__w_enable=1)
        if not ahead:
            host.ports.drive(program__valid=1, program__payload=MAGIC)
            await host.ports.settle()
            assert not host.ports.read("program__ready"), "a program begins as an inference starts"
        await host.ports.tick()
        host.ports.drive(registers__w_enable=0)
        await host.ports.tick(max(ahead - 1, 0))
        loading = cocotb.start_soon(put(host.ports, "program", host.cases.streams[1 - program]))
        await host.collect(case, 0)
        await loading
        await host.infer(1 - program, 0, 1)
