"""A host of the accelerator behind Wishbone: the master of cocotbext-wishbone, and a watch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from pann_hw.registers.error import Error
from pann_hw.registers.map import Control, Register, Status, field
from sim.benches.cases import Cases, Point
from sim.benches.streams import never

__all__ = ["ACK", "ERR", "WishboneHost"]

ACK, ERR = 1, 2
"""Answers, as the model numbers them."""

_SIGNALS = {
    "cyc": "wb_cyc_i",
    "stb": "wb_stb_i",
    "we": "wb_we_i",
    "adr": "wb_adr_i",
    "sel": "wb_sel_i",
    "datwr": "wb_dat_i",
    "datrd": "wb_dat_o",
    "ack": "wb_ack_o",
    "err": "wb_err_o",
}
_PIPELINED = {**_SIGNALS, "stall": "wb_stall_o"}


class WishboneHost:
    """Programs and runs the accelerator by single accesses, as firmware does.

    Attributes
    ----------
    pauses : cycles in which the master idles before a strobe
    accesses : strobes that were taken
    streams : name -> payloads that the accelerator itself took and gave
    """

    def __init__(self, dut: Any, elements: int, *, pipelined: bool) -> None:
        self.dut = dut
        self._master = WishboneMaster(
            dut, "", dut.wb_clk_i, timeout=20, signals_dict=_PIPELINED if pipelined else _SIGNALS
        )
        self._master.log.setLevel(logging.WARNING)
        self._elements = elements
        self.pauses: Iterator[bool] = never()
        self.cases = Cases()
        self.cycle = self.accesses = 0
        self.streams: dict[str, list[int]] = {"program": [], "input": [], "output": []}

    async def begin(self) -> None:
        Clock(self.dut.wb_clk_i, 10, "ns").start()
        await self.reset()
        cocotb.start_soon(self._watch())

    async def reset(self) -> None:
        self.dut.wb_rst_i.value = 1
        await ClockCycles(self.dut.wb_clk_i, 2)
        self.dut.wb_rst_i.value = 0

    async def _watch(self) -> None:
        """Each strobe has one answer, in the next cycle; what passes inside is kept."""
        dut, inner = self.dut, self.dut.accelerator
        taken = 0
        while True:
            await FallingEdge(dut.wb_clk_i)
            self.cycle += 1
            ack, err = int(dut.wb_ack_o.value), int(dut.wb_err_o.value)
            assert ack + err == taken, f"{ack + err} answers to {taken} strobes"
            assert dut.wb_stall_o.value == ack + err
            strobe = int(dut.wb_cyc_i.value) & int(dut.wb_stb_i.value)
            taken = strobe & ~(ack | err) & ~int(dut.wb_rst_i.value)
            self.accesses += taken
            for name, payloads in self.streams.items():
                valid, ready = (getattr(inner, f"{name}__{part}") for part in ("valid", "ready"))
                if valid.value and ready.value:
                    payloads.append(int(getattr(inner, f"{name}__payload").value))

    def _idle(self) -> int:
        cycles = 0
        while next(self.pauses):
            cycles += 1
        return cycles

    async def accesses_of(self, operations: Sequence[tuple[int, int | None]]) -> list[Any]:
        """Writes, and reads where there is no value, in one bus cycle; the model's results."""
        results: list[Any] = await self._master.send_cycle(
            [WBOp(4 * register, value, idle=self._idle()) for register, value in operations]
        )
        return results

    async def access(self, address: int, value: int | None = None, sel: int = 15) -> Any:
        """One access to a byte's address."""
        (result,) = await self._master.send_cycle([WBOp(address, value, sel=sel)])
        return result

    async def write(self, register: int, value: int) -> None:
        (result,) = await self.accesses_of([(register, value)])
        assert result.ack == ACK

    async def read(self, register: int) -> int:
        (result,) = await self.accesses_of([(register, None)])
        assert result.ack == ACK
        return int(result.datrd)

    async def level(self, name: str) -> int:
        return field(Register.LEVELS, name).get(await self.read(Register.LEVELS))

    async def fill(self, operations: Sequence[tuple[int, int]]) -> None:
        """Writes in one bus cycle, all of which must be taken."""
        results = await self.accesses_of(operations)
        assert [result.ack for result in results] == [ACK] * len(operations)

    async def load(self, program: int) -> None:
        assert await self.level("PROGRAM_ROOM")
        words = self.cases.streams[program]
        for at in range(0, len(words), 40):
            await self.fill([(Register.PROGRAM, word) for word in words[at : at + 40]])
        status = await self.read(Register.STATUS)
        assert status & ~Status.DONE == Status.LOADED | Status.READY

    def beats(self, elements: Sequence[int]) -> list[list[tuple[int, int]]]:
        """An input's beats, each as the writes that make it."""
        size = self._elements
        result: list[list[tuple[int, int]]] = []
        for at in range(0, len(elements), size):
            beat = bytes(elements[at : at + size]).ljust(8, b"\xa5")
            low, high = (int.from_bytes(part, "little") for part in (beat[:4], beat[4:]))
            last = at + size >= len(elements)
            upper: list[tuple[int, int]] = [(Register.INPUT_HIGH, high)] if size > 4 else []
            result.append([*upper, (Register.INPUT_LAST if last else Register.INPUT, low)])
        return result

    async def start(self, point: int) -> None:
        await self.write(Register.POINT, point)
        await self.write(Register.CONTROL, Control.START)

    async def infer(self, program: int, point: int, index: int) -> None:
        """One whole inference, by its levels alone; its result is right."""
        case = self.cases.points[program][point]
        await self.start(point)
        await self.exchange(case, index)
        assert await self.read(Register.STATUS) == Status.DONE | Status.LOADED | Status.READY

    async def exchange(self, case: Point, index: int) -> None:
        """Give an inference its input and take its outputs, as there is room and as they come."""
        left = self.beats(case.inputs[index])
        found: list[int] = []
        while len(found) < len(case.outputs[index]):
            levels = await self.read(Register.LEVELS)
            room, outputs = (
                field(Register.LEVELS, name).get(levels) for name in ("INPUT_ROOM", "OUTPUTS")
            )
            last = bool(levels & field(Register.LEVELS, "OUTPUT_LAST").mask)
            assert last == (outputs > 0 and len(found) + 1 == len(case.outputs[index]))
            if room and left:
                taken, left = left[:room], left[room:]
                await self.fill([write for beat in taken for write in beat])
            if outputs:
                results = await self.accesses_of([(Register.OUTPUT, None)] * outputs)
                assert all(result.ack == ACK for result in results)
                found += [int(result.datrd) for result in results]
        assert found == [value % 2**32 for value in case.outputs[index]]
        assert not left
        assert not await self.level("REFUSED")

    async def exchange_outputs(self, case: Point, index: int) -> None:
        """Take the outputs of an inference whose input is there already."""
        await self.exchange(Point([[]], [case.outputs[index]], case.cycles), 0)

    async def fails_with(self, error: Error) -> None:
        """The accelerator reports the error; clear it."""
        assert await self.read(Register.STATUS) & Status.ERROR
        assert await self.read(Register.ERROR) == error
        await self.write(Register.CONTROL, Control.CLEAR)
        assert await self.read(Register.ERROR) == Error.NONE
