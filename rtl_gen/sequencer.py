"""The sequencer: begins inferences, takes their inputs, and ends them."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import POINT, POINT_WORDS, directory_stride
from pann_hw.registers.error import Error

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Two inferences at a time: one's input is taken while the other's passes run.

    The front reads the operating point's directory entry, has the input taken as soon as its place
    in memory is free, and waits until no passes run; then the first bundles' addresses are read and
    the passes begin. The back waits for their end.

    Parameters
    ----------
    config : cores

    Members
    -------
    start, point : In, begins an inference of an operating point; only when ``ready``
    ready : Out(1), the front is idle; busy : Out(1), an inference is under way
    done : Out(1), a pulse at an inference's end; error : Out(4), an Error for one cycle
    address : Out, of the directory; word : In, a cycle after the address
    entry : Out, a POINT record; input_start : Out(1), input_busy : In(1), the input loader
    input_error : In(4), an Error that ends the input, for one cycle: the inference is not run
    input_free : In(1), the passes under way read no input any more, and store nothing in its place
    jump : Out, a bit for each core: ``word`` is the address of its first bundle
    passes_start : Out(1); passes_end : In(1), the last pass is through; array_busy : In(1)

    Latency: 1 cycle and one for each word of the POINT record before the input, 2 and one for each
    core after it, and one after the last pass.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "point": In(3),
                "ready": Out(1),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(4),
                "address": Out(16),
                "word": In(32),
                "entry": Out(data.StructLayout(dict(POINT))),
                "input_start": Out(1),
                "input_busy": In(1),
                "input_error": In(4),
                "input_free": In(1),
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
        index = Signal(range(POINT_WORDS + config.cores + 1))
        running = Signal()
        ending = Signal()
        free = Signal()
        passes_end = Signal()
        m.d.comb += [
            free.eq(~running | self.input_free),
            passes_end.eq(ending & ~self.array_busy),
            self.done.eq(passes_end),
            self.busy.eq(~self.ready | running),
        ]
        with m.If(self.passes_start):
            m.d.sync += running.eq(1)
        with m.If(self.passes_end):
            m.d.sync += ending.eq(1)
        with m.If(passes_end):
            m.d.sync += [running.eq(0), ending.eq(0)]

        with m.FSM() as fsm:
            m.d.comb += self.ready.eq(fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                stride = directory_stride(config)
                m.d.sync += [
                    self.address.eq(self.point << (stride.bit_length() - 1)),
                    index.eq(0),
                ]
                m.next = "ENTRY_WAIT"
            with m.State("ENTRY_WAIT"):
                m.d.sync += self.address.eq(self.address + 1)
                m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.sync += index.eq(index + 1)
                with m.Switch(index):
                    for word in range(POINT_WORDS):
                        with m.Case(word):
                            m.d.sync += self.entry.as_value().word_select(word, 32).eq(self.word)
                with m.If((index == 0) & (self.word == 0)):
                    m.d.comb += self.error.eq(Error.POINT_NOT_LOADED)
                    m.next = "IDLE"
                with m.Elif(index == POINT_WORDS - 1):
                    m.next = "PLACE"
                with m.Else():
                    m.d.sync += self.address.eq(self.address + 1)
            with m.State("PLACE"), m.If(free):
                m.d.comb += self.input_start.eq(1)
                m.next = "INPUT_WAIT"
            with m.State("INPUT_WAIT"):
                m.next = "INPUT"
                self._end_on_error(m)
            with m.State("INPUT"):
                with m.If(~self.input_busy & ~running):
                    m.d.sync += self.address.eq(self.address + 1)
                    m.next = "JUMPS"
                self._end_on_error(m)
            with m.State("JUMPS"):
                m.d.sync += [index.eq(index + 1), self.address.eq(self.address + 1)]
                with m.Switch(index):
                    for core in range(config.cores):
                        with m.Case(POINT_WORDS + core):
                            m.d.comb += self.jump[core].eq(1)
                with m.If(index == POINT_WORDS + config.cores - 1):
                    m.d.comb += self.passes_start.eq(1)
                    m.next = "IDLE"
        return m

    def _end_on_error(self, m: Module) -> None:
        """An input that is none ends its inference."""
        with m.If(self.input_error != Error.NONE):
            m.d.comb += self.error.eq(self.input_error)
            m.next = "IDLE"
