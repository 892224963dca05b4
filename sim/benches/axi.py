"""The accelerator behind AXI, driven by models of others."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp, AxiStreamFrame
from cocotbext.axi.axil_channels import AxiLiteAWTransaction, AxiLiteWTransaction

from pann_hw.registers.error import Error
from pann_hw.registers.map import REGISTERS, Block, Control, Interrupt, Register, Status, constants
from sim.benches.axi_host import LITE, STREAMS, AxiHost
from sim.benches.patterns import PATTERNS
from sim.benches.units import BEATS

__all__ = [
    "held_up",
    "interrupts",
    "outstanding",
    "prompt",
    "refused",
    "resets",
    "traffic",
    "wrong_use",
]

_test = cocotb.test(timeout_time=20, timeout_unit="ms")


def _random_patterns() -> dict[str, str]:
    return {name: random.choice(list(PATTERNS)) for name in (*LITE, *STREAMS)}


async def _inferences(host: AxiHost, program: int, turns: Iterable[tuple[int, int]]) -> None:
    """Inferences one after another, the input before the start or after it."""
    for point, index in turns:
        case = host.cases.points[program][point]
        output, source = host.channels["m_axis_output"], host.channels["s_axis_input"]
        before = output.waited + source.idle
        if random.random() < 0.5:
            await host.feed(case, index)
            await host.start(point)
        else:
            await host.start(point)
            await host.feed(case, index)
        await host.collect(case, index)
        while await host.read(Register.STATUS) & Status.BUSY:
            pass
        assert await host.read(Register.STATUS) == Status.DONE | Status.LOADED | Status.READY
        cycles = await host.read(Register.CYCLES)
        # A cycle in which a stream waits for the other side costs no more than that cycle.
        late = output.waited + source.idle_before[-1] - before
        assert case.cycles <= cycles <= case.cycles + late


@_test
async def traffic(dut: Any) -> None:
    """Seeds by number: programs and inferences under patterns of pauses drawn anew for each.

    Words are counted by a watch of its own: none is lost, doubled or out of order.
    """
    seed, seeds = random.getrandbits(32), int(os.environ["BUS_SEEDS"])
    host = AxiHost(dut)
    await host.begin()
    programs = len(host.cases.streams)
    expected: dict[str, list[list[int]]] = {name: [] for name in STREAMS}
    for number in range(seeds):
        random.seed(seed + number)
        host.pause(_random_patterns())
        program = number % programs
        await host.load(program)
        expected["s_axis_program"] += [[word] for word in host.cases.streams[program]]
        points = host.cases.points[program]
        turns = [
            (random.randrange(len(points)), random.randrange(len(points[0].inputs)))
            for _ in range(random.randint(1, 3))
        ]
        await _inferences(host, program, turns)
        for point, index in turns:
            case = points[point]
            expected["s_axis_input"] += _beats(case.inputs[index])
            expected["m_axis_output"] += _sums(case.outputs[index])
    for name, words in expected.items():
        found = [payload for _, payload in host.channels[name].transfers]
        assert found == words, f"{name}: {len(found)} words, expected {len(words)}"
    assert host.input.empty() and host.program.empty() and host.output.empty()
    host.check_register_latency()
    total = sum(len(words) for words in expected.values())
    dut._log.info(f"{seeds} seeds, {total} words, {host.cycle} cycles")


def _beats(elements: list[int]) -> list[list[int]]:
    """What an input's beats carry, and whether they are the last."""
    size = BEATS.input_elements
    parts = [elements[at : at + size] for at in range(0, len(elements), size)]
    words = [int.from_bytes(bytes(part), "little") for part in parts]
    return [[word, at == len(words) - 1] for at, word in enumerate(words)]


def _sums(values: list[int]) -> list[list[int]]:
    return [[value % 2**32, at == len(values) - 1] for at, value in enumerate(values)]


@_test
async def outstanding(dut: Any) -> None:
    """Reads and writes that do not wait for the ones before: each has its own answer, in order.

    Seeds by number, as in ``traffic``.
    """
    seed = random.getrandbits(32)
    host = AxiHost(dut)
    await host.begin()
    fixed = {4 * register: value for register, value in constants(BEATS).items()}
    fixed |= {4 * Register.STATUS: int(Status.READY), 4 * Register.INTERRUPT: 1}
    for number in range(int(os.environ["BUS_SEEDS"])):
        random.seed(seed + number)
        host.pause(_random_patterns())
        reads, writes = [], []
        for _ in range(random.randint(2, 12)):
            address = random.choice([*fixed, 4 * Register.POINT, 4 * Register.CONTROL])
            reads.append((address, host.lite.init_read(address, 4)))
            address = random.choice([4 * Register.POINT, 4 * Register.CYCLES])
            point = random.randrange(8)
            data = point.to_bytes(4, "little")
            writes.append((address, point, host.lite.init_write(address, data)))
        points = {0}
        for address, point, event in writes:
            await event.wait()
            known = address == 4 * Register.POINT
            assert event.data.resp == (AxiResp.OKAY if known else AxiResp.SLVERR)
            points |= {point} if known else set()
        for address, event in reads:
            await event.wait()
            value = int.from_bytes(event.data.data, "little")
            refusal = address == 4 * Register.CONTROL
            assert event.data.resp == (AxiResp.SLVERR if refusal else AxiResp.OKAY)
            if address == 4 * Register.POINT:
                assert value in points
            else:
                assert value == fixed.get(address, 0)
        last = [point for address, point, _ in writes if address == 4 * Register.POINT]
        if last:
            assert await host.read(Register.POINT) == last[-1]
        assert await host.write(Register.POINT, 0) == AxiResp.OKAY
    host.check_register_latency()


@_test
async def prompt(dut: Any) -> None:
    """Without pauses: a word of each stream in each cycle that the accelerator takes it."""
    host = AxiHost(dut)
    await host.begin()
    for program in range(len(host.cases.streams)):
        await host.load(program)
        for point, case in enumerate(host.cases.points[program]):
            await host.feed(case, 0)
            await host.start(point)
            await host.collect(case, 0)
            assert await host.read(Register.CYCLES) == case.cycles
    cycles = [cycle for cycle, _ in host.channels["s_axis_program"].transfers]
    words = len(host.cases.streams[0])
    assert cycles[words - 1] - cycles[0] == words - 1
    host.check_register_latency()


@_test
async def held_up(dut: Any) -> None:
    """Streams that stand still for good stop nothing else, and lose nothing."""
    host = AxiHost(dut)
    await host.begin()
    await host.load(0)
    case = host.cases.points[0][0]
    host.output.pause = True
    await host.feed(case, 0)
    await host.start(0)
    await ClockCycles(dut.aclk, case.cycles + 500)
    assert dut.m_axis_output_tvalid.value and not dut.irq.value
    assert await host.read(Register.STATUS) & Status.BUSY
    # A program waits meanwhile, and is not lost either.
    words = [word.to_bytes(4, "little") for word in host.cases.streams[1]]
    await host.program.send(b"".join(words))
    await ClockCycles(dut.aclk, 200)
    assert not host.channels["s_axis_program"].transfers[len(host.cases.streams[0]) :]
    host.output.pause = False
    await host.collect(case, 0)
    await host.program.wait()
    await host.infer(1, 0, 1)

    # An input that does not come: the host gives it up.
    case = host.cases.points[1][0]
    host.input.pause = True
    await host.start(0)
    await ClockCycles(dut.aclk, 500)
    assert await host.read(Register.STATUS) & (Status.BUSY | Status.ERROR) == Status.BUSY
    assert await host.write(Register.CONTROL, Control.STOP_INPUT) == AxiResp.OKAY
    await host.fails_with(Error.INPUT_STOPPED)
    host.input.pause = False
    await host.infer(1, 0, 2)


@_test
async def refused(dut: Any) -> None:
    """What registers do not allow is answered SLVERR and changes nothing."""
    host = AxiHost(dut)
    await host.begin()
    known = {one.register.value: one for one in REGISTERS if one.block is not Block.WINDOWS}
    others = random.sample(range(max(known) + 1, 1 << 10), 40)
    for address in (*range(20), *others, 1023):
        one = known.get(address)
        result = await host.lite.read(4 * address, 4)
        reads = one is not None and one.access.reads
        assert result.resp == (AxiResp.OKAY if reads else AxiResp.SLVERR), address
        if one is None or one.reset is not None or not reads:
            reset = one.reset if one is not None and reads else 0
            assert int.from_bytes(result.data, "little") == reset
        else:
            assert int.from_bytes(result.data, "little") == constants(BEATS)[one.register]
        writes = one is not None and one.access.writes
        response = await host.write(address, 0)
        assert response == (AxiResp.OKAY if writes else AxiResp.SLVERR), address
    assert await host.write(Register.POINT, 5) == AxiResp.OKAY
    for size in (1, 2, 3):
        for lane in range(5 - size):
            result = await host.lite.write(4 * Register.POINT + lane, b"\2" * size)
            assert result.resp == AxiResp.SLVERR
            result = await host.lite.read(4 * Register.POINT + lane, size)
            assert bytes(result.data) == b"\5\0\0\0"[lane : lane + size], "bytes may be read"
    # A write without any strobe, which the master does not make by itself.
    channels = host.lite.write_if
    address, data = AxiLiteAWTransaction(awaddr=4 * Register.POINT), AxiLiteWTransaction(wdata=2)
    await channels.aw_channel.send(address)
    await channels.w_channel.send(data)
    assert (await channels.b_channel.recv()).bresp == AxiResp.OKAY
    assert await host.read(Register.POINT) == 5
    assert await host.read(Register.ERROR) == Error.NONE


@_test
async def interrupts(dut: Any) -> None:
    """The line follows what INTERRUPT enables."""
    host = AxiHost(dut)
    await host.begin()
    assert await host.read(Register.INTERRUPT) == Interrupt.DONE
    await host.start(0)
    assert not dut.irq.value, "an error, which is not enabled"
    assert await host.write(Register.INTERRUPT, Interrupt.ERROR) == AxiResp.OKAY
    assert dut.irq.value
    await host.fails_with(Error.NO_PROGRAM)
    assert not dut.irq.value
    await host.load(0)
    case = host.cases.points[0][0]
    for enabled, expected in ((0, 0), (Interrupt.DONE, 1), (Interrupt.ERROR, 0), (3, 1)):
        assert await host.write(Register.INTERRUPT, enabled) == AxiResp.OKAY
        await host.feed(case, 0)
        await host.start(0)
        assert not dut.irq.value
        await host.collect(case, 0)
        await ClockCycles(dut.aclk, 5)
        assert dut.irq.value == expected
    await host.write(Register.CONTROL, Control.CLEAR)
    assert not dut.irq.value


@_test
async def wrong_use(dut: Any) -> None:
    """Wrong programs and inputs are reported; right ones run after them."""
    host = AxiHost(dut)
    await host.begin()
    await host.start(0)
    await host.fails_with(Error.NO_PROGRAM)
    words = list(host.cases.streams[0])
    words[-1] ^= 1 << random.randrange(32)
    await host.program.send(b"".join(word.to_bytes(4, "little") for word in words))
    await host.program.wait()
    await host.fails_with(Error.BAD_CHECKSUM)
    await host.load(0)
    case = host.cases.points[0][0]
    elements = bytes(case.inputs[0])
    for data, error in ((elements[:-4], Error.INPUT_SHORT), (elements * 2, Error.INPUT_LONG)):
        await host.start(0)
        await host.input.send(AxiStreamFrame(data))
        await host.input.wait()
        await ClockCycles(dut.aclk, 5)
        await host.fails_with(error)
        await host.infer(0, 0, 1)
    await host.start(len(host.cases.points[0]))
    await ClockCycles(dut.aclk, 10)
    await host.fails_with(Error.POINT_NOT_LOADED)
    await host.infer(0, 1, 0)


@_test
async def resets(dut: Any) -> None:
    """A reset in the middle of everything leaves nothing behind."""
    host = AxiHost(dut)
    await host.begin()
    for cycles in (3, 40, 90):
        await host.load(0)
        await host.feed(host.cases.points[0][0], 0)
        await host.start(0)
        await ClockCycles(dut.aclk, cycles)
        await host.reset()
        assert await host.read(Register.STATUS) == Status.READY
        assert await host.read(Register.INTERRUPT) == Interrupt.DONE
        await host.load(1)
        await host.infer(1, 0, 1)
