"""The accelerator behind Wishbone, driven by a model of others, classic and pipelined."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge

from pann_hw.registers.error import Error
from pann_hw.registers.map import (
    REGISTERS,
    Control,
    Interrupt,
    Register,
    Status,
    constants,
    described,
    field,
)
from sim.benches.patterns import PATTERNS
from sim.benches.units import WISHBONE, WISHBONE_DEPTH
from sim.benches.wishbone_host import ACK, ERR, WishboneHost

__all__ = [
    "back_to_back",
    "interrupts",
    "last_output",
    "prompt",
    "refused",
    "resets",
    "traffic",
    "windows_refuse",
    "wrong_use",
]

_test = cocotb.test(timeout_time=100, timeout_unit="ms")
_kinds = cocotb.parametrize(pipelined=[False, True])


async def _host(dut: Any, pipelined: bool) -> WishboneHost:
    host = WishboneHost(dut, WISHBONE.input_elements, pipelined=pipelined)
    await host.begin()
    return host


@_test
@_kinds
async def traffic(dut: Any, pipelined: bool) -> None:
    """Seeds by number: programs and inferences under patterns of pauses drawn anew for each."""
    seed, seeds = random.getrandbits(32), int(os.environ["BUS_SEEDS"])
    host = await _host(dut, pipelined)
    expected: dict[str, list[int]] = {"program": [], "input": [], "output": []}
    for number in range(seeds):
        random.seed(seed + number)
        host.pauses = PATTERNS[random.choice(list(PATTERNS))]()
        program = number % 2
        await host.load(program)
        expected["program"] += host.cases.streams[program]
        points = host.cases.points[program]
        for _ in range(random.randint(1, 3)):
            point, index = random.randrange(len(points)), random.randrange(4)
            await host.infer(program, point, index)
            expected["input"] += _payloads(host, points[point].inputs[index])
            values = points[point].outputs[index]
            mask = (1 << WISHBONE.accumulator_width) - 1
            expected["output"] += [value & mask for value in values[:-1]]
            expected["output"].append(values[-1] & mask | mask + 1)
    for name, words in expected.items():
        found = host.streams[name]
        assert found == words, f"{name}: {len(found)} words, expected {len(words)}"
    total = sum(len(words) for words in expected.values())
    dut._log.info(f"{seeds} seeds, {total} words, {host.accesses} accesses, {host.cycle} cycles")


def _payloads(host: WishboneHost, elements: list[int]) -> list[int]:
    """What the accelerator's input stream carries for an input."""
    bits = 8 * WISHBONE.input_elements
    result = []
    for writes in host.beats(elements):
        words = dict(writes)
        last = Register.INPUT_LAST in words
        low = words[Register.INPUT_LAST if last else Register.INPUT]
        whole = low | words.get(Register.INPUT_HIGH, 0) << 32
        result.append(whole & ((1 << bits) - 1) | last << bits)
    return result


@_test
@_kinds
async def prompt(dut: Any, pipelined: bool) -> None:
    """An input that waits in its queue, and outputs that fit theirs, cost no cycle."""
    host = await _host(dut, pipelined)
    await host.load(0)
    for point, case in enumerate(host.cases.points[0]):
        beats = host.beats(case.inputs[0])
        assert len(beats) <= WISHBONE_DEPTH
        await host.fill([write for beat in beats for write in beat])
        await host.start(point)
        await host.exchange_outputs(case, 0)
        assert await host.read(Register.CYCLES) == case.cycles


@_test
@_kinds
async def last_output(dut: Any, pipelined: bool) -> None:
    """OUTPUTS and OUTPUT_LAST agree in whatever cycle they are read, also as the last sum comes.

    That of the last program finds the queue empty.
    """
    host = await _host(dut, pipelined)
    program = len(host.cases.streams) - 1
    await host.load(program)
    case = host.cases.points[program][0]
    for cycles in range(case.cycles):
        beats = host.beats(case.inputs[0])
        await host.fill([write for beat in beats for write in beat])
        await host.start(0)
        await ClockCycles(dut.wb_clk_i, cycles)
        await host.exchange_outputs(case, 0)


@_test
@_kinds
async def refused(dut: Any, pipelined: bool) -> None:
    """What registers do not allow is answered by an error and changes nothing."""
    host = await _host(dut, pipelined)
    known = {one.register.value: one for one in REGISTERS}
    values = {**constants(WISHBONE), Register.LEVELS: WISHBONE_DEPTH | 1 << 24}
    others = random.sample(range(max(known) + 1, 1 << 10), 40)
    for address in (*range(20), *others, 1023):
        one = known.get(address)
        reads = one is not None and one.access.reads and one.register != Register.OUTPUT
        result = await host.access(4 * address)
        assert result.ack == (ACK if reads else ERR), address
        if one is not None and reads:
            assert result.datrd == values.get(one.register, one.reset)
        else:
            assert result.datrd == 0
        for value, sel in ((0, 15), (0xFFFFFFFF, random.randrange(15))):
            if sel == 15 and one is not None and one.register in _STREAMS:
                continue
            result = await host.access(4 * address + random.randrange(4), value, sel)
            writes = one is not None and one.access.writes and sel == 15
            assert result.ack == (ACK if writes else ERR), (address, sel)
        if address == Register.OUTPUT:
            await host.write(Register.CONTROL, Control.CLEAR)
    assert await host.read(Register.STATUS) == Status.READY
    assert await host.read(Register.LEVELS) == values[Register.LEVELS]


_STREAMS = {Register.PROGRAM, Register.INPUT, Register.INPUT_LAST}


@_test
@_kinds
async def windows_refuse(dut: Any, pipelined: bool) -> None:
    """A full or empty window answers by an error, tells so until cleared, and loses nothing."""
    host = await _host(dut, pipelined)
    await host.load(0)
    case = host.cases.points[0][0]
    beats = host.beats(case.inputs[0])

    # A queue full of beats takes no other; giving the input up empties it.
    for number in range(WISHBONE_DEPTH):
        assert await host.level("INPUT_ROOM") == WISHBONE_DEPTH - number
        await host.write(Register.INPUT, 0)
    assert not await host.level("INPUT_ROOM")
    for register in (Register.INPUT, Register.INPUT_LAST):
        await host.write(Register.CONTROL, Control.CLEAR)
        assert not await host.level("REFUSED")
        assert (await host.access(4 * register, 0)).ack == ERR
        assert await host.level("REFUSED")
    await host.write(Register.CONTROL, Control.CLEAR | Control.STOP_INPUT)
    assert await host.level("INPUT_ROOM") == WISHBONE_DEPTH and not await host.level("REFUSED")

    # An inference whose outputs nobody reads: it waits, and the registers answer.
    await host.fill([write for beat in beats for write in beat])
    await host.start(0)
    await ClockCycles(dut.wb_clk_i, case.cycles + 20)
    assert await host.level("OUTPUTS") == len(case.outputs[0]) <= WISHBONE_DEPTH
    for number in range(2):
        await host.fill([write for beat in beats for write in beat])
        await host.start(0)
        await ClockCycles(dut.wb_clk_i, case.cycles + 200)
        assert await host.level("OUTPUTS") == WISHBONE_DEPTH
        assert await host.read(Register.STATUS) & Status.BUSY, number
    # A program meanwhile: one word waits, the next is refused.
    await host.write(Register.PROGRAM, host.cases.streams[1][0])
    assert not await host.level("PROGRAM_ROOM")
    assert (await host.access(4 * Register.PROGRAM, 0)).ack == ERR
    assert await host.level("REFUSED")
    await host.write(Register.CONTROL, Control.CLEAR)
    # A part of a word takes no output.
    assert (await host.access(4 * Register.OUTPUT, sel=random.randrange(15))).ack == ERR
    await host.write(Register.CONTROL, Control.CLEAR)
    for _ in range(3):
        await host.exchange_outputs(case, 0)
    assert (await host.access(4 * Register.OUTPUT)).ack == ERR
    assert await host.level("REFUSED")
    await host.write(Register.CONTROL, Control.CLEAR)
    await host.fill([(Register.PROGRAM, word) for word in host.cases.streams[1][1:]])
    await host.infer(1, 0, 1)


@_test
@_kinds
async def interrupts(dut: Any, pipelined: bool) -> None:
    """The line follows what INTERRUPT enables."""
    host = await _host(dut, pipelined)
    assert await host.read(Register.INTERRUPT) == Interrupt.DONE
    await host.start(0)
    assert not dut.irq_o.value, "an error, which is not enabled"
    await host.write(Register.INTERRUPT, Interrupt.ERROR)
    assert dut.irq_o.value
    await host.fails_with(Error.NO_PROGRAM)
    assert not dut.irq_o.value
    await host.load(0)
    case = host.cases.points[0][0]
    for enabled in range(8):
        await host.write(Register.INTERRUPT, enabled)
        await host.fill([write for beat in host.beats(case.inputs[0]) for write in beat])
        await host.start(0)
        assert not dut.irq_o.value
        await ClockCycles(dut.wb_clk_i, case.cycles + 20)
        assert dut.irq_o.value == bool(enabled & (Interrupt.DONE | Interrupt.OUTPUT))
        await host.exchange_outputs(case, 0)
        assert dut.irq_o.value == bool(enabled & Interrupt.DONE)
    await host.write(Register.CONTROL, Control.CLEAR)
    assert not dut.irq_o.value


@_test
@_kinds
async def wrong_use(dut: Any, pipelined: bool) -> None:
    """Wrong programs and inputs are reported; right ones run after them."""
    host = await _host(dut, pipelined)
    await host.start(0)
    await host.fails_with(Error.NO_PROGRAM)
    words = list(host.cases.streams[0])
    words[-1] ^= 1 << random.randrange(32)
    await host.fill([(Register.PROGRAM, word) for word in words])
    await host.fails_with(Error.BAD_CHECKSUM)
    await host.load(0)
    case = host.cases.points[0][0]
    elements = case.inputs[0]
    for wrong, error in ((elements[:-8], Error.INPUT_SHORT), (elements * 2, Error.INPUT_LONG)):
        await host.start(0)
        await host.fill([write for beat in host.beats(wrong) for write in beat])
        await ClockCycles(dut.wb_clk_i, 100)
        await host.fails_with(error)
        await host.infer(0, 0, 1)
    # A half of an input, given up: what is left of it in the queue goes too.
    await host.start(0)
    await ClockCycles(dut.wb_clk_i, 30)
    await host.fill([(Register.INPUT, 0)])
    await host.write(Register.CONTROL, Control.STOP_INPUT)
    await host.fails_with(Error.INPUT_STOPPED)
    await host.infer(0, 1, 0)


@_test
@_kinds
async def resets(dut: Any, pipelined: bool) -> None:
    """A reset in the middle of everything leaves nothing behind."""
    host = await _host(dut, pipelined)
    for cycles in (3, 40, 90):
        await host.load(0)
        beats = host.beats(host.cases.points[0][0].inputs[0])
        await host.fill([write for beat in beats for write in beat])
        await host.start(0)
        await ClockCycles(dut.wb_clk_i, cycles)
        await host.reset()
        assert await host.read(Register.STATUS) == Status.READY
        assert await host.read(Register.INTERRUPT) == Interrupt.DONE
        assert await host.read(Register.LEVELS) == WISHBONE_DEPTH | 1 << 24
        await host.load(1)
        await host.infer(1, 0, 1)


@_test
async def back_to_back(dut: Any) -> None:
    """Strobes in every cycle, as a pipelined master may: one is taken in every second one.

    The model above waits for an answer before its next strobe; this bench does not.
    """
    host = await _host(dut, True)
    words = host.cases.streams[0]
    answers: list[int] = []
    dut.wb_cyc_i.value = dut.wb_stb_i.value = dut.wb_we_i.value = 1
    dut.wb_adr_i.value = described(Register.PROGRAM).byte_address
    dut.wb_sel_i.value = 15
    begun = host.cycle
    for word in words:
        dut.wb_dat_i.value = word
        stalled = 1
        while stalled:
            # Before the rising edge at which a strobe is taken.
            await FallingEdge(dut.wb_clk_i)
            stalled = int(dut.wb_stall_o.value)
            answers.append(int(dut.wb_ack_o.value))
            await ClockCycles(dut.wb_clk_i, 1)
    dut.wb_stb_i.value = 0
    await FallingEdge(dut.wb_clk_i)
    answers.append(int(dut.wb_ack_o.value))
    dut.wb_cyc_i.value = 0
    assert sum(answers) == len(words) == host.accesses
    assert host.cycle - begun <= 2 * len(words) + 2
    assert host.streams["program"] == words[: len(host.streams["program"])]
    assert await host.read(Register.STATUS) == Status.LOADED | Status.READY
    assert host.streams["program"] == words
    await host.infer(0, 0, 0)
    assert not field(Register.LEVELS, "REFUSED").get(await host.read(Register.LEVELS))
