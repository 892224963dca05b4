"""A host of the accelerator behind AXI: masters, sources and sinks of cocotbext-axi."""

from __future__ import annotations

import logging
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
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

__all__ = ["LITE", "STREAMS", "AxiHost"]

STREAMS = ("s_axis_program", "s_axis_input", "m_axis_output")
"""The streams of the accelerator."""

LITE = {
    "s_axi_aw": ("awaddr",),
    "s_axi_w": ("wdata", "wstrb"),
    "s_axi_b": ("bresp",),
    "s_axi_ar": ("araddr",),
    "s_axi_r": ("rdata", "rresp"),
}
"""The channels of AXI4-Lite, with what they carry."""


class Channel:
    """A channel of valid, ready and payload, with what happened on it.

    Attributes
    ----------
    transfers : cycles in which payloads were conveyed, and these
    waits : in how many cycles up to each one valid was 1 and ready was not
    idle : cycles in which valid was 0; idle_before : at each transfer, ``idle`` so far
    """

    def __init__(self, dut: Any, name: str, payload: list[str]) -> None:
        self.name = name
        joint = "" if name in LITE else "_t"
        self._valid = getattr(dut, f"{name}{joint}valid")
        self._ready = getattr(dut, f"{name}{joint}ready")
        self._payload = [getattr(dut, part) for part in payload]
        self._offered: list[int] | None = None
        self.transfers: list[tuple[int, list[int]]] = []
        self.idle_before: list[int] = []
        self.waits = [0]
        self.idle = 0

    @property
    def waited(self) -> int:
        """Cycles so far in which valid was 1 and ready was not."""
        return self.waits[-1]

    def forget(self) -> None:
        """A cycle of a reset: what was offered need not be there any more."""
        self._offered = None
        self.waits.append(self.waited)

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
        self.waits.append(self.waited + (valid and not ready))
        self.idle += not valid


class AxiHost:
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
            **{name: Channel(dut, name, [f"s_axi_{p}" for p in LITE[name]]) for name in LITE},
            "s_axis_program": Channel(dut, "s_axis_program", ["s_axis_program_tdata"]),
            **{
                name: Channel(dut, name, [f"{name}_tdata", f"{name}_tlast"]) for name in STREAMS[1:]
            },
        }

    async def begin(self) -> None:
        Clock(self.dut.aclk, 10, "ns").start()
        await self.reset()
        cocotb.start_soon(self._watch())

    async def reset(self) -> None:
        """Reset the accelerator, and with it the masters; what they had to send is forgotten."""
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 3)
        self.dut.aresetn.value = 1
        for stream in (self.program, self.input, self.output):
            stream.clear()

    async def _watch(self) -> None:
        while True:
            await FallingEdge(self.dut.aclk)
            self.cycle += 1
            for channel in self.channels.values():
                if self.dut.aresetn.value:
                    channel.sample(self.cycle)
                else:
                    channel.forget()

    def _streams(self) -> dict[str, Any]:
        models = (self.program, self.input, self.output)
        return dict(zip(STREAMS, models, strict=True))

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

    async def infer(self, program: int, point: int, index: int) -> None:
        """One whole inference."""
        case = self.cases.points[program][point]
        await self.feed(case, index)
        await self.start(point)
        await self.collect(case, index)

    async def fails_with(self, error: Error) -> None:
        """The accelerator reports the error; clear it."""
        assert await self.read(Register.STATUS) & Status.ERROR
        assert await self.read(Register.ERROR) == error
        await self.write(Register.CONTROL, Control.CLEAR)
        assert await self.read(Register.ERROR) == Error.NONE

    def check_register_latency(self) -> None:
        """Each response in time: 2 cycles, 3 for a read that meets a write, and those in which the
        master did not take a response."""
        address, data, answer, asked, read = (self.channels[name] for name in LITE)
        for before, after, done in zip(
            address.transfers, data.transfers, answer.transfers, strict=True
        ):
            begin, end = max(before[0], after[0]), done[0]
            assert end - begin == 2 + answer.waits[end] - answer.waits[begin - 1]
        for before, done in zip(asked.transfers, read.transfers, strict=True):
            late = read.waits[done[0]] - read.waits[before[0] - 1]
            assert 2 <= done[0] - before[0] - late <= 3
