"""The host link of an accelerator: from a serial line to its register port and streams."""

from amaranth import Const, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pann_hw.config import AcceleratorConfig
from pann_hw.link.config import LinkConfig
from pann_hw.link.protocol import CLOCK_BITS, LINK_REGISTER
from pann_hw.registers.map import Register
from rtl_gen.drain import output_layout
from rtl_gen.input_loader import input_layout
from rtl_gen.link.collector import Collector
from rtl_gen.link.executor import Executor
from rtl_gen.link.frame_receiver import FrameReceiver
from rtl_gen.link.reporter import Reporter
from rtl_gen.link.uart import UartReceiver, UartTransmitter
from rtl_gen.registers import RegisterSignature

__all__ = ["Link"]


class Link(wiring.Component):
    """Lets a host drive an accelerator over a serial line, as docs/link.md describes.

    Parameters
    ----------
    config : of the accelerator
    link : clock, cycles of a bit, size of the ring of operations

    Members
    -------
    rx : In(1), tx : Out(1), the line, 8N1
    program, input, output, registers : to the ports of the accelerator
    restart : Out(1), a pulse: the accelerator is to be reset

    Latency: a frame is checked at its end; 15 bytes' time from there to the end of a report without
    results. Throughput: that of the line.
    """

    def __init__(self, config: AcceleratorConfig, link: LinkConfig) -> None:
        self._config = config
        self._link = link
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "program": Out(stream.Signature(32)),
                "input": Out(stream.Signature(input_layout(config))),
                "output": In(stream.Signature(output_layout(config))),
                "registers": Out(RegisterSignature()),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart_receiver = uart_receiver = UartReceiver(self._link.divisor)
        m.submodules.uart_transmitter = uart_transmitter = UartTransmitter(self._link.divisor)
        m.submodules.frames = frames = FrameReceiver(self._link.command_bytes)
        executor, collector = Executor(self._config), Collector(self._config)
        # The accelerator, whose reset goes far, is reset a cycle late: until then nothing moves.
        m.d.sync += self.restart.eq(frames.restart)
        restart = frames.restart | self.restart
        m.submodules.executor = ResetInserter(restart)(executor)
        m.submodules.collector = ResetInserter(restart)(collector)
        m.submodules.reporter = reporter = Reporter()
        connect(m, frames.o, executor.i)
        connect(m, executor.program, flipped(self.program))
        connect(m, executor.input, flipped(self.input))
        connect(m, flipped(self.output), collector.i)
        connect(m, reporter.o, uart_transmitter.i)
        m.d.comb += [
            uart_receiver.rx.eq(self.rx),
            self.tx.eq(uart_transmitter.tx),
            frames.byte.eq(uart_receiver.data),
            frames.valid.eq(uart_receiver.valid),
            frames.broken.eq(uart_receiver.broken),
            reporter.ended.eq(frames.ended),
            reporter.right.eq(frames.right),
            reporter.request.eq(frames.request),
            reporter.following.eq(frames.following),
            reporter.room.eq(frames.room),
            reporter.end.eq(collector.end),
            reporter.result.eq(collector.byte),
            collector.acknowledged.eq(reporter.acknowledged),
            collector.position.eq(reporter.position),
        ]
        self._registers(m, reporter, collector, executor)
        return m

    def _registers(
        self, m: Module, reporter: Reporter, collector: Collector, executor: Executor
    ) -> None:
        """Who has the register port: reports first, which take it for a cycle in a byte's time."""
        place = Signal(2)
        bus = self.registers
        size = self._link.command_bytes.bit_length() - 1
        described = Const(size << CLOCK_BITS | self._link.clock // 1000, 32)
        byte = bus.r_data.word_select(place, 8)
        m.d.comb += [
            bus.w_data.eq(executor.value),
            bus.w_enable.eq(executor.write),
            executor.status.eq(bus.r_data),
            collector.cycles.eq(byte),
            reporter.value.eq(byte),
            place.eq(collector.place),
        ]
        with m.If(reporter.reading):
            m.d.comb += [bus.address.eq(reporter.register), place.eq(reporter.place)]
        with m.Elif(collector.wanted):
            m.d.comb += [bus.address.eq(Register.CYCLES), collector.granted.eq(1)]
        with m.Else():
            m.d.comb += [bus.address.eq(executor.address), executor.granted.eq(1)]
        with m.If(reporter.register == LINK_REGISTER):
            m.d.comb += reporter.value.eq(described.word_select(place, 8))
