"""Windows: the accelerator's streams as registers, for buses that have no streams."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.registers.map import REGISTERS, Block, Register, field
from rtl_gen.bus.access import AccessSignature, permitted
from rtl_gen.drain import output_layout
from rtl_gen.input_loader import input_layout

__all__ = ["Windows", "check_fifo_depth"]

_FIFO_DEPTHS = range(4, 2049)
"""In a shallower one a word that is on its way through would be in the way of the next."""

_WORD_ELEMENTS = 4


def check_fifo_depth(fifo_depth: int) -> None:
    """Check the depth of the queues.

    Raises
    ------
    InputError : it is not allowed
    """
    if type(fifo_depth) is not int or fifo_depth not in _FIFO_DEPTHS:
        raise InputError(
            f"fifo_depth = {fifo_depth!r}: must be {_FIFO_DEPTHS[0]}..{_FIFO_DEPTHS[-1]}"
        )


class Windows(wiring.Component):
    """The registers from LEVELS on. A window never waits: what it cannot do at once it refuses.

    Refused are writes without room and reads without an output, whole words or not; the flag
    REFUSED tells of those until ``clear``. What RegisterAccess refuses is refused too.

    Parameters
    ----------
    config : input_elements, operand_width, accumulator_width
    fifo_depth : beats that the queue of the input holds, and sums that the one of the output does;
        with as many as an inference has outputs it ends without being read

    Members
    -------
    access : In(AccessSignature)
    clear, stop_input : In(1), clears REFUSED; empties the queue of the input
    available : Out(1), there is an output to read
    program, input : Out(stream), output : In(stream), as the accelerator's

    Latency: none for reads; 1 cycle from a window to the program, 2 to the input, 2 from the
    output to its window. Throughput: one access per cycle.

    Raises
    ------
    InputError : a depth that is not allowed
    """

    def __init__(self, config: AcceleratorConfig, fifo_depth: int) -> None:
        check_fifo_depth(fifo_depth)
        self._config = config
        self._depth = fifo_depth
        super().__init__(
            {
                "access": In(AccessSignature()),
                "clear": In(1),
                "stop_input": In(1),
                "available": Out(1),
                "program": Out(stream.Signature(32)),
                "input": Out(stream.Signature(input_layout(config))),
                "output": In(stream.Signature(output_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access = self.access
        mine = [one.register for one in REGISTERS if one.block is Block.WINDOWS]
        if self._config.input_elements <= _WORD_ELEMENTS:
            mine.remove(Register.INPUT_HIGH)
        allowed = permitted(m, access, mine)
        writes = {
            register: allowed & access.write & (access.address == register) for register in mine
        }
        program_room = self._program(m, writes[Register.PROGRAM])
        input_write = writes[Register.INPUT] | writes[Register.INPUT_LAST]
        input_room, input_level = self._input(m, input_write, writes)
        outputs = SyncFIFOBuffered(width=len(self.output.payload.as_value()), depth=self._depth)
        m.submodules.outputs = outputs
        output_read = allowed & access.read & access.whole & (access.address == Register.OUTPUT)
        sums = data.View(output_layout(self._config), outputs.r_data)
        refused, ever_refused = Signal(), Signal()
        m.d.comb += [
            outputs.w_data.eq(self.output.payload),
            outputs.w_en.eq(self.output.valid),
            self.output.ready.eq(outputs.w_rdy),
            outputs.r_en.eq(output_read),
            self.available.eq(outputs.r_rdy),
            refused.eq(
                (writes[Register.PROGRAM] & ~program_room)
                | (input_write & ~input_room)
                | (access.read & (access.address == Register.OUTPUT) & ~access.whole)
                | (output_read & ~outputs.r_rdy)
            ),
            access.refused.eq(((access.read | access.write) & ~allowed) | refused),
        ]
        with m.If(refused):
            m.d.sync += ever_refused.eq(1)
        with m.Elif(self.clear):
            m.d.sync += ever_refused.eq(0)
        levels = {
            "INPUT_ROOM": self._depth - input_level,
            # Of a sum on its way through the queue nobody knows yet whether it is the last.
            "OUTPUTS": Mux(outputs.r_rdy, outputs.r_level, 0),
            "PROGRAM_ROOM": program_room,
            "OUTPUT_LAST": outputs.r_rdy & sums.last,
            "REFUSED": ever_refused,
        }
        with m.If(access.read & allowed & ~refused):
            with m.If(access.address == Register.OUTPUT):
                m.d.comb += access.r_data.eq(sums.value)
            with m.Else():
                for name, value in levels.items():
                    place = field(Register.LEVELS, name)
                    m.d.comb += access.r_data[place.low : place.low + place.width].eq(value)
        return m

    def _program(self, m: Module, write: Signal) -> Signal:
        """A register before the program stream; whether it has room."""
        room = Signal()
        m.d.comb += room.eq(~self.program.valid | self.program.ready)
        with m.If(write & room):
            m.d.sync += [
                self.program.valid.eq(1),
                self.program.payload.eq(self.access.w_data),
            ]
        with m.Elif(self.program.ready):
            m.d.sync += self.program.valid.eq(0)
        return room

    def _input(
        self, m: Module, write: Signal, writes: dict[Register, Signal]
    ) -> tuple[Signal, Signal]:
        """The queue of the input; whether it has room, and its level."""
        config = self._config
        word, width = self.access.w_data, config.operand_width
        beat = Signal(input_layout(config))
        queue = SyncFIFOBuffered(width=len(beat.as_value()), depth=self._depth)
        m.submodules.inputs = ResetInserter(self.stop_input)(queue)
        below = min(config.input_elements, _WORD_ELEMENTS)
        elements = [word.word_select(index, 8)[:width] for index in range(below)]
        if config.input_elements > _WORD_ELEMENTS:
            upper = Signal(_WORD_ELEMENTS * width)
            with m.If(writes[Register.INPUT_HIGH]):
                m.d.sync += upper.eq(Cat(elements))
            m.d.comb += beat.elements.eq(Cat(*elements, upper))
        else:
            m.d.comb += beat.elements.eq(Cat(elements))
        payload = data.View(input_layout(config), queue.r_data)
        m.d.comb += [
            beat.last.eq(writes[Register.INPUT_LAST]),
            queue.w_data.eq(beat),
            queue.w_en.eq(write),
            self.input.valid.eq(queue.r_rdy),
            self.input.payload.eq(payload),
            queue.r_en.eq(self.input.ready),
        ]
        return queue.w_rdy, queue.w_level
