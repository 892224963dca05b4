"""The register block: start, status, error, operating point, cycle counter."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.program_loader import Error

__all__ = ["Register", "RegisterSignature", "Registers"]


_LOW_BITS = 4
"""Of the cycle counter, those that are always clocked."""


class Register:
    """Addresses of the register block.

    CONTROL (write): bit 0 starts an inference, bit 1 clears error and interrupt, bit 2 gives up an
        input that is being taken and does not come to its end.
    STATUS (read): bit 0 busy, 1 done, 2 program loaded, 3 error, 4 ready for a start.
    ERROR (read): the first error since it was cleared, see :class:`rtl_gen.program_loader.Error`.
    POINT (read, write): operating point of the next inference, 0..7.
    CYCLES (read): cycles of the last inference, from its start, or from the end of the one before
        where that was later, to its end.
    FINGERPRINT (read): of the configuration; a program must carry the same.
    """

    CONTROL = 0
    STATUS = 1
    ERROR = 2
    POINT = 3
    CYCLES = 4
    FINGERPRINT = 5


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
    config : its fingerprint

    Members
    -------
    bus : In(RegisterSignature)
    irq : Out(1)
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
        m.d.comb += [
            wanted.eq(control & bus.w_data[0]),
            self.start.eq(wanted & self.ready & self.loaded),
            self.clear_error.eq(control & bus.w_data[1]),
            self.stop_input.eq(control & bus.w_data[2]),
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

        with m.Switch(bus.address):
            with m.Case(Register.STATUS):
                m.d.comb += [
                    bus.r_data[0].eq(self.busy),
                    bus.r_data[1].eq(self.irq),
                    bus.r_data[2].eq(self.loaded),
                    bus.r_data[3].eq(error != 0),
                    bus.r_data[4].eq(self.ready),
                ]
            with m.Case(Register.ERROR):
                m.d.comb += bus.r_data.eq(error)
            with m.Case(Register.POINT):
                m.d.comb += bus.r_data.eq(self.point)
            with m.Case(Register.CYCLES):
                m.d.comb += bus.r_data.eq(last_cycles)
            with m.Case(Register.FINGERPRINT):
                m.d.comb += bus.r_data.eq(self._config.fingerprint)
        return m
