"""The accelerator: memories, sequencer, core array and drain behind three streams and registers."""

from amaranth import Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pann_hw.config import AcceleratorConfig
from rtl_gen.array import CoreArray
from rtl_gen.drain import Drain, output_layout
from rtl_gen.input_loader import InputLoader
from rtl_gen.program_loader import ProgramLoader
from rtl_gen.registers import Registers, RegisterSignature
from rtl_gen.sequencer import Sequencer

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """Runs any program that fits its memories, bit for bit as the integer network computes it.

    Parameters
    ----------
    config : what the hardware is; see :class:`pann_hw.config.AcceleratorConfig`

    Members
    -------
    program : In(stream of 32-bit words), see ``pann_hw.program.image``
    input : In(stream of operand_width bits), an inference's elements: channel, row, column
    output : Out(stream of output_layout), accumulators of the last layer, pass by pass, tile by
        tile, core by core, lane by lane
    registers : the register port, see :class:`rtl_gen.registers.Registers`
    irq : Out(1), an inference is done and the next not started

    Latency: as the register CYCLES counts. One inference at a time.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "program": In(stream.Signature(32)),
                "input": In(stream.Signature(config.operand_width)),
                "output": Out(stream.Signature(output_layout(config))),
                "registers": In(RegisterSignature()),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.register_block = register_block = Registers(config)
        m.submodules.program_loader = loader = ProgramLoader(config)
        m.submodules.input_loader = input_loader = InputLoader(config)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.array = array = CoreArray(config)
        m.submodules.drain = drain = Drain(config)
        m.submodules.descriptors = descriptors = memory.Memory(
            shape=32, depth=config.descriptor_words, init=[]
        )
        connect(m, flipped(self.program), loader.i)
        connect(m, flipped(self.input), input_loader.i)
        connect(m, drain.o, flipped(self.output))
        connect(m, flipped(self.registers), register_block.bus)

        descriptor_read, descriptor_write = descriptors.read_port(), descriptors.write_port()
        m.d.comb += [
            descriptor_write.addr.eq(loader.address),
            descriptor_write.data.eq(loader.word),
            descriptor_write.en.eq(loader.write & (loader.target == 0)),
            array.term_write.eq(loader.write & (loader.target != 0)),
            array.term_rail.eq(loader.target - 1),
            array.term_address.eq(loader.address),
            array.term.eq(loader.word),
            # Busy begins a cycle after the start; a program must not begin in between.
            loader.hold.eq(sequencer.busy | register_block.start),
            loader.clear.eq(register_block.clear_error),
            register_block.loaded.eq(loader.loaded),
            register_block.loader_error.eq(loader.error),
            register_block.busy.eq(sequencer.busy),
            register_block.finished.eq(sequencer.done),
            register_block.sequencer_error.eq(sequencer.error),
            self.irq.eq(register_block.irq),
            sequencer.start.eq(register_block.start),
            sequencer.point.eq(register_block.point),
            descriptor_read.addr.eq(sequencer.address),
            descriptor_read.en.eq(sequencer.busy),
            sequencer.word.eq(descriptor_read.data),
            input_loader.start.eq(sequencer.input_start),
            input_loader.base.eq(sequencer.input_base),
            input_loader.width.eq(sequencer.input_width),
            input_loader.rows.eq(sequencer.input_rows),
            sequencer.input_busy.eq(input_loader.busy),
            array.item.eq(sequencer.item),
            array.segments.eq(sequencer.segments),
            array.records.eq(sequencer.records),
            array.start.eq(sequencer.array_start),
            array.next_tile.eq(sequencer.next_tile),
            array.load.eq(sequencer.load),
            array.run.eq(sequencer.run),
            array.lane_on.eq(sequencer.lane_on),
            array.final_tile.eq(sequencer.final_tile),
            array.jump.eq(sequencer.jump),
            array.target.eq(sequencer.target),
            sequencer.array_done.eq(array.done),
            drain.item.eq(sequencer.item),
            drain.start.eq(sequencer.drain_start),
            drain.lanes_in_use.eq(sequencer.lanes_in_use),
            drain.final.eq(sequencer.final),
            drain.tile_address.eq(sequencer.tile_address),
            drain.cores.eq(sequencer.records),
            drain.sums.eq(array.sums),
            sequencer.drain_done.eq(drain.done),
        ]
        self._activations(m, input_loader, sequencer, array, drain)
        return m

    def _activations(
        self,
        m: Module,
        input_loader: InputLoader,
        sequencer: Sequencer,
        array: CoreArray,
        drain: Drain,
    ) -> None:
        """The activation memory, written by one unit at a time through a register."""
        config = self._config
        row = data.ArrayLayout(config.operand_width, config.lanes)
        m.submodules.activations = activations = memory.Memory(
            shape=row, depth=config.activation_words, init=[]
        )
        read = activations.read_port()
        write = activations.write_port()
        store_address = Signal(16)
        store_enable = Signal()
        store_word = Signal(row)
        pool_address = Signal(16)
        m.d.comb += [
            read.addr.eq(array.address),
            read.en.eq(array.read),
            array.word.eq(read.data),
            write.addr.eq(store_address),
            write.en.eq(store_enable),
            write.data.eq(store_word),
        ]
        with m.If(~sequencer.run):
            m.d.sync += pool_address.eq(sequencer.tile_address)
        with m.Elif(array.pooled_write):
            m.d.sync += pool_address.eq(pool_address + sequencer.item.output_pitch)

        m.d.sync += store_enable.eq(0)
        with m.If(input_loader.take):
            m.d.sync += [
                store_address.eq(input_loader.address),
                store_enable.eq(input_loader.complete),
            ]
            with m.If(input_loader.lane == 0):
                m.d.sync += store_word.as_value().eq(input_loader.element)
            with m.Else():
                for lane in range(1, config.lanes):
                    with m.If(input_loader.lane == lane):
                        m.d.sync += store_word[lane].eq(input_loader.element)
        with m.Elif(drain.write):
            m.d.sync += [
                store_address.eq(drain.address),
                store_enable.eq(1),
                store_word.eq(drain.word),
            ]
        with m.Elif(array.pooled_write):
            m.d.sync += [
                store_address.eq(pool_address),
                store_enable.eq(1),
                store_word.eq(array.pooled),
            ]
