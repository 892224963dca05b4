"""The register block: start, status, error, operating point, cycle counter."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.error import Error
from pann_hw.registers.map import Control, Register, Status, constants

__all__ = ["RegisterSignature", "Registers"]


_LOW_BITS = 4
"""Of the cycle counter, those that are always clocked."""


class RegisterSignature(wiring.Signature):
    """A register port, seen from its master: a write is done in the cycle of ``w_enable``.

    address : Out(3); w_enable : Out(1); w_data : Out(32); r_data : In(32), combinational
    """

    def __init__(self) -> None:
        super().__init__(
            {"address": Out(3), "w_enable": Out(1), "w_data": Out(32), "r_data": In(32)}
        )


class Registers(wiring.Component):
    """Registers between the host and sequencer and loader.

    Parameters
    ----------
    config : its fingerprint and shape

    Members
    -------
    bus : In(RegisterSignature); addresses and bits are those of ``pann_hw.registers.map``
    irq : Out(1), an inference is done; failed : Out(1), there is an error
    start, clear_error, stop_input : Out(1), pulses in the cycle of the write; point : Out(3)
    ready, busy, finished, loaded : In(1); sequencer_error, loader_error : In(4), an Error for one
        cycle

    Latency: none for reads; one cycle from a write to the register.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "bus": In(RegisterSignature()),
                "irq": Out(1),
                "failed": Out(1),
                "start": Out(1),
                "clear_error": Out(1),
                "stop_input": Out(1),
                "point": Out(3),
                "ready": In(1),
                "busy": In(1),
                "finished": In(1),
                "loaded": In(1),
                "sequencer_error": In(4),
                "loader_error": In(4),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        error = Signal(4)
        cycles = Signal(32)
        last_cycles = Signal(32)
        wanted = Signal()
        control = bus.w_enable & (bus.address == Register.CONTROL)
        written = {one: bus.w_data[one.bit_length() - 1] for one in Control}
        m.d.comb += [
            wanted.eq(control & written[Control.START]),
            self.start.eq(wanted & self.ready & self.loaded),
            self.clear_error.eq(control & written[Control.CLEAR]),
            self.stop_input.eq(control & written[Control.STOP_INPUT]),
            self.failed.eq(error != 0),
        ]
        with m.If(bus.w_enable & (bus.address == Register.POINT)):
            m.d.sync += self.point.eq(bus.w_data)
        counted = Signal.like(cycles)
        counts = self.busy & ~self.finished
        low = cycles[:_LOW_BITS]
        m.d.comb += counted.eq(cycles + 1)
        m.d.sync += low.eq(Mux(counts, counted[:_LOW_BITS], 0))
        # Upper bits rest until a carry reaches them.
        with m.If(~counts | low.all()):
            m.d.sync += cycles[_LOW_BITS:].eq(Mux(counts, counted[_LOW_BITS:], 0))
        with m.If(self.finished):
            m.d.sync += last_cycles.eq(counted)

        # The end counts where it meets a clear: nobody would ever be told of it otherwise.
        with m.If(self.finished):
            m.d.sync += self.irq.eq(1)
        with m.Elif(self.start | self.clear_error):
            m.d.sync += self.irq.eq(0)

        found = Signal(4)
        with m.If(self.loader_error != 0):
            m.d.comb += found.eq(self.loader_error)
        with m.Elif(self.sequencer_error != 0):
            m.d.comb += found.eq(self.sequencer_error)
        with m.Elif(wanted & ~self.ready):
            m.d.comb += found.eq(Error.START_WHILE_BUSY)
        with m.Elif(wanted & ~self.loaded):
            m.d.comb += found.eq(Error.NO_PROGRAM)
        with m.If(found != 0):
            with m.If((error == 0) | self.clear_error):
                m.d.sync += error.eq(found)
        with m.Elif(self.clear_error):
            m.d.sync += error.eq(0)

        status = {
            Status.BUSY: self.busy,
            Status.DONE: self.irq,
            Status.LOADED: self.loaded,
            Status.ERROR: self.failed,
            Status.READY: self.ready,
        }
        with m.Switch(bus.address):
            with m.Case(Register.STATUS):
                m.d.comb += [
                    bus.r_data[one.bit_length() - 1].eq(bit) for one, bit in status.items()
                ]
            with m.Case(Register.ERROR):
                m.d.comb += bus.r_data.eq(error)
            with m.Case(Register.POINT):
                m.d.comb += bus.r_data.eq(self.point)
            with m.Case(Register.CYCLES):
                m.d.comb += bus.r_data.eq(last_cycles)
            for register, value in constants(self._config).items():
                with m.Case(register):
                    m.d.comb += bus.r_data.eq(value)
        return m
