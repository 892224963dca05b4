"""The accelerator behind AXI, driven by the masters, sources and sinks of cocotbext-axi."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from pann_hw.registers.error import Error
from pann_hw.registers.map import Control, Register, Status
from sim.benches.cases import Cases, Point
from sim.benches.patterns import PATTERNS
from sim.benches.units import BEATS

__all__ = ["traffic"]

_test = cocotb.test(timeout_time=20, timeout_unit="ms")

_STREAMS = ("s_axis_program", "s_axis_input", "m_axis_output")
_LITE = {
    "s_axi_aw": ("awaddr",),
    "s_axi_w": ("wdata", "wstrb"),
    "s_axi_b": ("bresp",),
    "s_axi_ar": ("araddr",),
    "s_axi_r": ("rdata", "rresp"),
}


class _Channel:
    """A channel of valid, ready and payload, with what happened on it.

    Attributes
    ----------
    transfers : cycles in which payloads were conveyed, and these
    waited, idle : cycles in which valid was 1 and ready was not; in which valid was 0
    idle_before : at each transfer, ``idle`` so far
    """

    def __init__(self, dut: Any, name: str, payload: list[str]) -> None:
        self.name = name
        joint = "" if name in _LITE else "_t"
        self._valid = getattr(dut, f"{name}{joint}valid")
        self._ready = getattr(dut, f"{name}{joint}ready")
        self._payload = [getattr(dut, part) for part in payload]
        self._offered: list[int] | None = None
        self.transfers: list[tuple[int, list[int]]] = []
        self.idle_before: list[int] = []
        self.waited = self.idle = 0

    def sample(self, cycle: int) -> None:
        """Look at a cycle, before its end."""
        valid, ready = int(self._valid.value), int(self._ready.value)
        payload = [int(part.value) for part in self._payload] if valid else []
        if self._offered is not None:
            assert valid, f"{self.name}: valid fell before ready rose"
            assert payload == self._offered, f"{self.name}: the payload changed before ready rose"
        self._offered = payload if valid and not ready else None
        if valid and ready:
            self.transfers.append((cycle, payload))
            self.idle_before.append(self.idle)
        self.waited += valid and not ready
        self.idle += not valid


class _Host:
    """The masters, and a watch over all channels."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
        self.program = AxiStreamSource(
            AxiStreamBus.from_prefix(dut, "s_axis_program"), dut.aclk, **reset
        )
        self.input = AxiStreamSource(
            AxiStreamBus.from_prefix(dut, "s_axis_input"), dut.aclk, **reset
        )
        self.output = AxiStreamSink(
            AxiStreamBus.from_prefix(dut, "m_axis_output"), dut.aclk, **reset
        )
        for model in (self.lite.write_if, self.lite.read_if, *self._streams().values()):
            # They would log every word.
            model.log.setLevel(logging.WARNING)
        self.cases = Cases()
        self.cycle = 0
        self.channels = {
            **{name: _Channel(dut, name, [f"s_axi_{p}" for p in _LITE[name]]) for name in _LITE},
            "s_axis_program": _Channel(dut, "s_axis_program", ["s_axis_program_tdata"]),
            **{
                name: _Channel(dut, name, [f"{name}_tdata", f"{name}_tlast"])
                for name in _STREAMS[1:]
            },
        }

    async def begin(self) -> None:
        self.dut.aresetn.value = 0
        cocotb.start_soon(Clock(self.dut.aclk, 10, "ns").start())
        for _ in range(3):
            await RisingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        while True:
            await FallingEdge(self.dut.aclk)
            self.cycle += 1
            for channel in self.channels.values():
                channel.sample(self.cycle)

    def _streams(self) -> dict[str, Any]:
        models = (self.program, self.input, self.output)
        return dict(zip(_STREAMS, models, strict=True))

    def pause(self, patterns: dict[str, str]) -> None:
        """Have each channel's producer idle, or its consumer push back, in a pattern."""
        write, read = self.lite.write_if, self.lite.read_if
        channels = {
            "s_axi_aw": write.aw_channel,
            "s_axi_w": write.w_channel,
            "s_axi_b": write.b_channel,
            "s_axi_ar": read.ar_channel,
            "s_axi_r": read.r_channel,
            **self._streams(),
        }
        for name, channel in channels.items():
            channel.set_pause_generator(PATTERNS[patterns[name]]())

    async def write(self, register: int, value: int) -> Any:
        """Write a word; the response."""
        return (await self.lite.write(4 * register, value.to_bytes(4, "little"))).resp

    async def read(self, register: int) -> int:
        result = await self.lite.read(4 * register, 4)
        assert result.resp == AxiResp.OKAY
        return int.from_bytes(result.data, "little")

    async def load(self, program: int) -> None:
        words = self.cases.streams[program]
        await self.program.send(b"".join(word.to_bytes(4, "little") for word in words))
        await self.program.wait()
        assert await self.read(Register.STATUS) & ~Status.DONE == Status.LOADED | Status.READY

    async def feed(self, case: Point, index: int) -> None:
        await self.input.send(AxiStreamFrame(bytes(case.inputs[index])))

    async def start(self, point: int) -> None:
        assert await self.write(Register.POINT, point) == AxiResp.OKAY
        assert await self.write(Register.CONTROL, Control.START) == AxiResp.OKAY

    async def collect(self, case: Point, index: int) -> None:
        """Outputs of an inference: right, in one packet."""
        frame = await self.output.recv()
        data = bytes(frame.tdata)
        found = [
            int.from_bytes(data[at : at + 4], "little", signed=True)
            for at in range(0, len(data), 4)
        ]
        assert found == case.outputs[index]

    async def fails_with(self, error: Error) -> None:
        """The accelerator reports the error; clear it."""
        assert await self.read(Register.STATUS) & Status.ERROR
        assert await self.read(Register.ERROR) == error
        await self.write(Register.CONTROL, Control.CLEAR)
        assert await self.read(Register.ERROR) == Error.NONE

    def check_register_latency(self, *, prompt: bool) -> None:
        """Each response in order and in time: 2 cycles, 3 for a read that meets a write.

        Where the master takes responses late (not ``prompt``) the cycles that it took count too.
        """
        late = 0 if prompt else self.channels["s_axi_b"].waited + self.channels["s_axi_r"].waited
        taken = {name: [cycle for cycle, _ in self.channels[name].transfers] for name in _LITE}
        assert len(taken["s_axi_aw"]) == len(taken["s_axi_w"]) == len(taken["s_axi_b"])
        assert len(taken["s_axi_ar"]) == len(taken["s_axi_r"])
        for address, data, done in zip(
            taken["s_axi_aw"], taken["s_axi_w"], taken["s_axi_b"], strict=True
        ):
            assert 2 <= done - max(address, data) <= 2 + late
        for asked, done in zip(taken["s_axi_ar"], taken["s_axi_r"], strict=True):
            assert 2 <= done - asked <= 3 + late


def _random_patterns() -> dict[str, str]:
    return {name: random.choice(list(PATTERNS)) for name in (*_LITE, *_STREAMS)}


async def _inferences(host: _Host, program: int, turns: Iterator[tuple[int, int]]) -> None:
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
    host = _Host(dut)
    await host.begin()
    programs = len(host.cases.streams)
    expected: dict[str, list[list[int]]] = {name: [] for name in _STREAMS}
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
        await _inferences(host, program, iter(turns))
        for point, index in turns:
            case = points[point]
            expected["s_axis_input"] += _beats(case.inputs[index])
            expected["m_axis_output"] += _sums(case.outputs[index])
    for name, words in expected.items():
        found = [payload for _, payload in host.channels[name].transfers]
        assert found == words, f"{name}: {len(found)} words, expected {len(words)}"
    assert host.input.empty() and host.program.empty() and host.output.empty()
    host.check_register_latency(prompt=False)
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
