"""Accesses of a bus to registers: what all buses share once their handshakes are done."""

from collections.abc import Iterable

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.registers.map import REGISTERS, Block, Control, Interrupt, Register, described
from rtl_gen.registers import RegisterSignature

__all__ = ["ADDRESS_BITS", "AccessSignature", "RegisterAccess", "permitted"]

ADDRESS_BITS = 10
"""Of a word's address on a bus: 4 KiB."""


class AccessSignature(wiring.Signature):
    """One access to one register in one cycle, seen from its master.

    address : Out(ADDRESS_BITS), of a word; read, write : Out(1), at most one of them; whole :
        Out(1), all four bytes are meant; w_data : Out(32)
    r_data : In(32), refused : In(1), combinational; what is refused changes nothing and reads 0
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "address": Out(ADDRESS_BITS),
                "read": Out(1),
                "write": Out(1),
                "whole": Out(1),
                "w_data": Out(32),
                "r_data": In(32),
                "refused": In(1),
            }
        )


def permitted(m: Module, access: wiring.PureInterface, registers: Iterable[Register]) -> Signal:
    """Whether an access is to one of some registers, and of a kind that this register has.

    Writes must be of whole words; reads may be of any bytes.
    """
    result = Signal(name="permitted")
    with m.Switch(access.address):
        for register in registers:
            kinds = described(register).access
            with m.Case(register):
                m.d.comb += result.eq(
                    (access.read & kinds.reads) | (access.write & access.whole & kinds.writes)
                )
    return result


class RegisterAccess(wiring.Component):
    """The registers of the accelerator, and INTERRUPT.

    Refused are unknown addresses, reads of registers that can only be written, writes of those
    that can only be read, and writes of less than a word.

    Members
    -------
    access : In(AccessSignature)
    registers : Out(RegisterSignature), to the accelerator
    done, failed, available : In(1), the accelerator's ``irq`` and ``failed``; an output waits
    irq : Out(1), one of them that INTERRUPT enables
    clear, stop_input : Out(1), pulses in the cycle of such a write to CONTROL

    Latency: none for reads; one cycle from a write to the register. One access per cycle.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "access": In(AccessSignature()),
                "registers": Out(RegisterSignature()),
                "done": In(1),
                "failed": In(1),
                "available": In(1),
                "irq": Out(1),
                "clear": Out(1),
                "stop_input": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access, registers = self.access, self.registers
        causes = {
            Interrupt.DONE: self.done,
            Interrupt.ERROR: self.failed,
            Interrupt.OUTPUT: self.available,
        }
        assert list(causes) == list(Interrupt)
        enabled = Signal(len(causes), init=described(Register.INTERRUPT).reset)
        mine = [one.register for one in REGISTERS if one.block is not Block.WINDOWS]
        accelerators = [one.register for one in REGISTERS if one.block is Block.ACCELERATOR]
        allowed = permitted(m, access, mine)
        below = access.address < len(accelerators)
        control = registers.w_enable & (access.address == Register.CONTROL)
        m.d.comb += [
            access.refused.eq((access.read | access.write) & ~allowed),
            registers.address.eq(access.address),
            registers.w_data.eq(access.w_data),
            registers.w_enable.eq(access.write & allowed & below),
            access.r_data.eq(Mux(access.read & allowed, Mux(below, registers.r_data, enabled), 0)),
            self.irq.eq((enabled & Cat(causes.values())).any()),
            self.clear.eq(control & access.w_data[Control.CLEAR.bit_length() - 1]),
            self.stop_input.eq(control & access.w_data[Control.STOP_INPUT.bit_length() - 1]),
        ]
        with m.If(access.write & allowed & (access.address == Register.INTERRUPT)):
            m.d.sync += enabled.eq(access.w_data)
        return m
