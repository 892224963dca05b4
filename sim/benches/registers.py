"""The register block: each register, each way to use it wrongly, and pulses that meet."""

from __future__ import annotations

from typing import Any

from pann_hw.registers.error import Error
from pann_hw.registers.map import Register, constants
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, unit_ports

__all__ = ["clear_meets_done", "errors", "overlapping", "reads", "starts", "stops"]

_START, _CLEAR = 1, 2
_BUSY, _DONE, _LOADED, _ERROR, _READY = 1, 2, 4, 8, 16


async def _write(ports: Ports, address: int, value: int, **inputs: int) -> tuple[int, int]:
    """Write a register, other inputs with it for one cycle; the pulses (start, clear_error)."""
    ports.drive(bus__address=address, bus__w_data=value, bus__w_enable=1, **inputs)
    await ports.settle()
    pulses = ports.read("start"), ports.read("clear_error")
    await ports.tick()
    ports.drive(bus__w_enable=0, **dict.fromkeys(inputs, 0))
    return pulses


async def _read(ports: Ports, address: int) -> int:
    ports.drive(bus__address=address)
    await ports.settle()
    value = ports.read("bus__r_data")
    await ports.tick()
    return value


@bench_test
async def reads(dut: Any) -> None:
    """After reset all is 0 but the constants; only POINT and CONTROL can be written."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    values = dict.fromkeys(range(8), 0) | constants(CONFIG)
    for address, value in values.items():
        assert await _read(ports, address) == value
    for address in set(range(8)) - {Register.CONTROL, Register.POINT}:
        assert await _write(ports, address, 0xFFFFFFFF) == (0, 0)
        assert await _read(ports, address) == values[address]
    for point in (5, 7, 0, 2):
        await _write(ports, Register.POINT, point)
        assert await _read(ports, Register.POINT) == point == ports.read("point")


@bench_test
async def starts(dut: Any) -> None:
    """Start, busy, done and the cycle counter; a start withdraws the interrupt."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    ports.drive(loaded=1)
    for cycles in (3, 50):
        ports.drive(ready=1)
        assert await _write(ports, Register.CONTROL, _START) == (1, 0)
        assert not ports.read("irq")
        ports.drive(busy=1, ready=0)
        assert await _read(ports, Register.STATUS) == _BUSY | _LOADED
        await ports.tick(cycles - 2)
        ports.drive(finished=1)
        await ports.tick()
        ports.drive(finished=0, busy=0, ready=1)
        await ports.tick(5)
        assert ports.read("irq")
        assert await _read(ports, Register.STATUS) == _DONE | _LOADED | _READY
        assert await _read(ports, Register.CYCLES) == cycles
    assert await _write(ports, Register.CONTROL, _CLEAR) == (0, 1)
    assert not ports.read("irq")
    assert await _read(ports, Register.CYCLES) == 50


@bench_test
async def overlapping(dut: Any) -> None:
    """A start while an inference is under way; cycles count from the end of the one before."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    ports.drive(loaded=1, ready=1)
    assert await _write(ports, Register.CONTROL, _START) == (1, 0)
    ports.drive(busy=1)
    await ports.tick(9)
    assert await _write(ports, Register.CONTROL, _START) == (1, 0)
    for cycles in (11, 30):
        await ports.tick(cycles - 1 if cycles == 30 else 0)
        ports.drive(finished=1)
        await ports.tick()
        ports.drive(finished=0)
        if cycles == 30:
            ports.drive(busy=0)
        ports.drive(bus__address=Register.CYCLES)
        await ports.settle()
        assert ports.read("bus__r_data") == cycles
        assert ports.read("irq")
    await ports.tick()


@bench_test
async def errors(dut: Any) -> None:
    """Wrong starts do nothing but report; the first error stays until cleared."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    ports.drive(ready=1)
    assert await _write(ports, Register.CONTROL, _START) == (0, 0)
    assert await _read(ports, Register.ERROR) == Error.NO_PROGRAM
    assert await _read(ports, Register.STATUS) == _ERROR | _READY
    ports.drive(loaded=1, busy=1, ready=0)
    assert await _write(ports, Register.CONTROL, _START) == (0, 0)
    assert await _read(ports, Register.ERROR) == Error.NO_PROGRAM, "not the first error"
    assert await _write(ports, Register.CONTROL, _START | _CLEAR) == (0, 1)
    assert await _read(ports, Register.ERROR) == Error.START_WHILE_BUSY
    await _write(ports, Register.CONTROL, _CLEAR)
    assert await _read(ports, Register.ERROR) == Error.NONE
    ports.drive(busy=0, ready=1)
    for source, error in (
        ("loader_error", Error.BAD_CHECKSUM),
        ("sequencer_error", Error.POINT_NOT_LOADED),
    ):
        ports.drive(**{source: error})
        await ports.tick()
        ports.drive(**{source: 0})
        assert await _read(ports, Register.ERROR) == error
        assert await _read(ports, Register.STATUS) == _ERROR | _LOADED | _READY
        # Clearing and starting in one write: the start counts, the error goes.
        assert await _write(ports, Register.CONTROL, _START | _CLEAR) == (1, 1)
        assert await _read(ports, Register.ERROR) == Error.NONE


@bench_test
async def stops(dut: Any) -> None:
    """A write can give an input up, and does nothing else."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    ports.drive(bus__address=Register.CONTROL, bus__w_data=4, bus__w_enable=1, ready=1, loaded=1)
    await ports.settle()
    assert ports.read("stop_input") and not ports.read("start") | ports.read("clear_error")
    await ports.tick()
    ports.drive(bus__w_enable=0)
    await ports.settle()
    assert not ports.read("stop_input")


@bench_test
async def clear_meets_done(dut: Any) -> None:
    """What happens in the very cycle of a clear is not lost: neither the end nor an error."""
    ports = unit_ports(dut, "registers")
    await ports.begin()
    ports.drive(loaded=1, ready=1)
    await _write(ports, Register.CONTROL, _START)
    ports.drive(busy=1, ready=0)
    await ports.tick(4)
    await _write(ports, Register.CONTROL, _CLEAR, finished=1)
    ports.drive(busy=0)
    assert await _read(ports, Register.STATUS) == _DONE | _LOADED, "the end of an inference is lost"
    await _write(ports, Register.CONTROL, _CLEAR, loader_error=Error.BAD_MAGIC)
    assert await _read(ports, Register.ERROR) == Error.BAD_MAGIC
