"""Operations of the host: writes to registers, words of a program, beats of inputs."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.link.payload import beat_bytes
from pann_hw.registers.map import Register, Status
from rtl_gen.input_loader import input_layout

__all__ = ["Executor"]


class Executor(wiring.Component):
    """Does operations, see :class:`pann_hw.link.protocol.Operation`, one after another.

    A write that waits for the accelerator to be ready, a word and a beat that are not accepted hold
    up what is behind them; only a reset ends that where the accelerator never does.

    Parameters
    ----------
    config : operand_width, input_elements

    Members
    -------
    i : In(stream of bytes), operations
    program, input : Out(streams), those of :class:`rtl_gen.accelerator.Accelerator`
    address : Out(4), of a register; granted : In(1), ``address`` is that of the register port
    write : Out(1), only where granted, and not to registers from 8 on, which the accelerator has
        not; value : Out(8), what to write
    status : In(5), of the register STATUS where that is asked for

    Latency: 1 cycle to the first write; Throughput: a byte per cycle, a write that waits in one
    more.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "program": Out(stream.Signature(32)),
                "input": Out(stream.Signature(input_layout(config))),
                "address": Out(4),
                "granted": In(1),
                "write": Out(1),
                "value": Out(8),
                "status": In(5),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = beat_bytes(self._config)
        held = 8 * (max(4, beat) - 1)
        # The bytes of a word or beat before the last one, and that.
        bytes_held = Signal(held)
        word = Cat(bytes_held, self.i.payload)
        index = Signal(range(max(4, beat)))
        left = Signal(8)
        waiting = Signal()
        last = Signal()
        to_input = Signal()
        bulk = Signal()
        register = Signal(4)
        word_end = Signal()
        m.d.comb += [
            self.value.eq(self.i.payload),
            self.address.eq(Mux(waiting, Register.STATUS, register)),
            self.program.payload.eq(word[-32:]),
            self.input.payload.elements.eq(word[-8 * beat :]),
            self.input.payload.last.eq(last & (left == 0)),
        ]
        with m.If(to_input):
            m.d.comb += word_end.eq(index == beat - 1)
        with m.Else():
            m.d.comb += word_end.eq(index == 3)
        with m.FSM():
            with m.State("OPERATION"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    register.eq(self.i.payload),
                    last.eq(self.i.payload[0]),
                    waiting.eq(self.i.payload[4]),
                    to_input.eq(self.i.payload[6]),
                    bulk.eq(self.i.payload[7]),
                    index.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "ARGUMENT"
            with m.State("ARGUMENT"):
                m.d.sync += left.eq(self.i.payload)
                with m.If(bulk):
                    m.d.comb += self.i.ready.eq(1)
                    with m.If(self.i.valid):
                        m.next = "DATA"
                with m.Elif(waiting):
                    with m.If(self.granted & (self.status & Status.READY).any()):
                        m.d.sync += waiting.eq(0)
                with m.Else():
                    m.d.comb += [
                        self.i.ready.eq(self.granted),
                        self.write.eq(self.i.valid & self.granted & ~register[3]),
                    ]
                    with m.If(self.i.valid & self.granted):
                        m.next = "OPERATION"
            with m.State("DATA"):
                accepted = Signal()
                m.d.comb += [
                    self.program.valid.eq(self.i.valid & word_end & ~to_input),
                    self.input.valid.eq(self.i.valid & word_end & to_input),
                    accepted.eq(self.input.ready & to_input | self.program.ready & ~to_input),
                    self.i.ready.eq(~word_end | accepted),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [bytes_held.eq(word[8:]), index.eq(index + 1)]
                    with m.If(word_end):
                        m.d.sync += [index.eq(0), left.eq(left - 1)]
                        with m.If(left == 0):
                            m.next = "OPERATION"
        return m
