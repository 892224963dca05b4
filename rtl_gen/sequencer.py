"""The sequencer: begins an inference, and ends it."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import POINT, POINT_WORDS, directory_stride
from rtl_gen.program_loader import Error

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Reads the operating point's directory entry, takes the input, then has the passes run.

    Parameters
    ----------
    config : cores

    Members
    -------
    start, point : In, begins an inference of an operating point
    busy : Out(1); done : Out(1), a pulse at its end; error : Out(4), an Error for one cycle
    reading, address : Out, the descriptor memory is read; word : In, a cycle after the address
    entry : Out, a POINT record; input_start : Out(1), input_busy : In(1), the input loader
    jump : Out, a bit for each core: ``word`` is the address of its first bundle
    passes_start : Out(1); passes_end : In(1), the last pass is through; array_busy : In(1)

    Latency: 3 cycles and one for each word of the directory entry before the input, 2 after it, and one
    after the last pass.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "point": In(3),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(4),
                "reading": Out(1),
                "address": Out(16),
                "word": In(32),
                "entry": Out(data.StructLayout(dict(POINT))),
                "input_start": Out(1),
                "input_busy": In(1),
                "jump": Out(config.cores),
                "passes_start": Out(1),
                "passes_end": In(1),
                "array_busy": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # Words arrive a cycle after their address; ``index`` is that of ``word``.
        index = Signal(16)
        last = POINT_WORDS + config.cores - 1
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                stride = directory_stride(config)
                m.d.sync += [
                    self.address.eq(self.point << (stride.bit_length() - 1)),
                    index.eq(0),
                ]
                m.next = "DIRECTORY_WAIT"
            with m.State("DIRECTORY_WAIT"):
                m.d.comb += self.reading.eq(1)
                m.d.sync += self.address.eq(self.address + 1)
                m.next = "DIRECTORY"
            with m.State("DIRECTORY"):
                m.d.comb += self.reading.eq(1)
                m.d.sync += [index.eq(index + 1), self.address.eq(self.address + 1)]
                with m.Switch(index):
                    for word in range(POINT_WORDS):
                        with m.Case(word):
                            m.d.sync += self.entry.as_value().word_select(word, 32).eq(self.word)
                    for core in range(config.cores):
                        with m.Case(POINT_WORDS + core):
                            m.d.comb += self.jump[core].eq(1)
                with m.If((index == 0) & (self.word == 0)):
                    m.d.comb += self.error.eq(Error.POINT_NOT_LOADED)
                    m.next = "IDLE"
                with m.Elif(index == last):
                    m.d.comb += self.input_start.eq(1)
                    m.next = "INPUT_WAIT"
            with m.State("INPUT_WAIT"):
                m.next = "INPUT"
            with m.State("INPUT"), m.If(~self.input_busy):
                m.d.comb += self.passes_start.eq(1)
                m.next = "RUN"
            with m.State("RUN"), m.If(self.passes_end):
                m.next = "END"
            with m.State("END"), m.If(~self.array_busy):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"
        return m
