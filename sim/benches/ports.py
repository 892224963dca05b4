"""Ports of a unit under bench: driven and read by name, as numbers or as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cocotb
from amaranth.hdl import Shape
from amaranth.lib.wiring import In
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

if TYPE_CHECKING:
    from amaranth.lib import wiring

__all__ = ["Ports", "bench_test"]

bench_test = cocotb.test(timeout_time=500, timeout_unit="us")
"""Decorates a bench; one that takes more than 50,000 cycles has failed."""


class Ports:
    """What a bench sees of one unit.

    A cycle of a bench begins just after a falling edge of the clock: it drives inputs, waits with
    :meth:`settle` where it reads outputs that follow inputs at once, and ends with :meth:`tick`.
    Registers change at the rising edge in between.

    Parameters
    ----------
    dut : cocotb's handle of the top module
    unit : the component, which knows shape and direction of each port
    name : of the unit below the top module; empty where it is the top module itself
    """

    def __init__(self, dut: Any, unit: wiring.Component, name: str = "") -> None:
        self._dut = dut
        self._handles: dict[str, Any] = {}
        self._shapes: dict[str, Any] = {}
        self._inputs: list[str] = []
        for path, member, _ in unit.signature.flatten(unit):
            port = "__".join(map(str, path))
            self._handles[port] = getattr(dut, f"{name}__{port}" if name else port)
            self._shapes[port] = member.shape
            if member.flow == In:
                self._inputs.append(port)

    async def begin(self) -> None:
        """Start the clock, drive 0 to every input and reset."""
        Clock(self._dut.clk, 10, "ns").start(start_high=False)
        self._dut.rst.value = 1
        self.drive(**dict.fromkeys(self._inputs, 0))
        await self.tick(2)
        self._dut.rst.value = 0

    async def tick(self, cycles: int = 1) -> None:
        """Go on to the next cycle, or the one after so many."""
        for _ in range(cycles):
            await FallingEdge(self._dut.clk)

    async def settle(self) -> None:
        """Wait until outputs follow what was driven; until the next tick nothing can be driven."""
        await ReadOnly()

    def drive(self, **values: Any) -> None:
        """Drive ports: integers modulo the port's width; lists and dictionaries for records."""
        for port, value in values.items():
            shape = self._shapes[port]
            number = value if isinstance(value, int) else shape.const(value).as_bits()
            width = Shape.cast(shape).width
            number &= (1 << width) - 1
            handle = self._handles[port]
            # cocotb takes the values of the Verilog type, which is signed or not.
            signed = number >> (width - 1) and Shape.cast(shape).signed
            handle.value = number - (1 << width) if signed else number

    def read(self, port: str) -> int:
        """A port's value, negative where its shape is signed."""
        number = int(self._handles[port].value)
        shape = Shape.cast(self._shapes[port])
        return number - (1 << shape.width) if shape.signed and number >> shape.width - 1 else number

    def shape(self, port: str) -> Any:
        """A port's shape: that of a record makes it from its bits, and the other way round."""
        return self._shapes[port]

    def record(self, port: str) -> Any:
        """A port's value with its fields."""
        return self._shapes[port].from_bits(int(self._handles[port].value))
