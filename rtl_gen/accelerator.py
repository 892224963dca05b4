"""The accelerator: memories, sequencer, core array and drain behind three streams and registers."""

from amaranth import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import MAX_POINTS, directory_stride
from rtl_gen.array import CoreArray
from rtl_gen.descriptor_reader import DescriptorReader
from rtl_gen.drain import Drain, output_layout
from rtl_gen.input_loader import InputLoader, input_layout
from rtl_gen.program_loader import ProgramLoader
from rtl_gen.registers import Registers, RegisterSignature
from rtl_gen.row_buffer import row_layout
from rtl_gen.sequencer import Sequencer
from rtl_gen.store_port import StorePort

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """Runs any program that fits its memories, bit for bit as the integer network computes it.

    Parameters
    ----------
    config : what the hardware is; see :class:`pann_hw.config.AcceleratorConfig`

    Members
    -------
    program : In(stream of 32-bit words), see ``pann_hw.program.image``
    input : In(stream of input_layout), an inference's elements: channel, row,
        column
    output : Out(stream of output_layout), sums of the last layer, pass by pass, tile by tile, core
        by core, lane by lane
    registers : the register port, see :class:`rtl_gen.registers.Registers`
    irq : Out(1), an inference is done and the next not started
    failed : Out(1), there is an error that was not cleared

    Latency: as the register CYCLES counts. Throughput: a second inference may be started while one
    is under way; its input is taken as soon as its place is free.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "program": In(stream.Signature(32)),
                "input": In(stream.Signature(input_layout(config))),
                "output": Out(stream.Signature(output_layout(config))),
                "registers": In(RegisterSignature()),
                "irq": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.register_block = register_block = Registers(config)
        m.submodules.program_loader = loader = ProgramLoader(config)
        m.submodules.input_loader = input_loader = InputLoader(config)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.descriptor_reader = reader = DescriptorReader(config)
        m.submodules.array = array = CoreArray(config)
        m.submodules.drain = drain = Drain(config)
        m.submodules.descriptors = descriptors = memory.Memory(
            shape=32, depth=config.descriptor_words, init=[]
        )
        connect(m, flipped(self.program), loader.i)
        connect(m, flipped(self.input), input_loader.i)
        connect(m, drain.o, flipped(self.output))
        connect(m, flipped(self.registers), register_block.bus)

        # The directory has a memory of its own: it is read while descriptors are.
        m.submodules.directory = directory = memory.Memory(
            shape=32, depth=MAX_POINTS * directory_stride(config), init=[]
        )
        descriptor_read, descriptor_write = descriptors.read_port(), descriptors.write_port()
        directory_read, directory_write = directory.read_port(), directory.write_port()
        drain_start = Signal()
        # A word that is there already is not read again.
        read_address = Signal.like(descriptor_read.addr)
        there = Signal()
        descriptor_wanted = sequencer.busy & ~(there & (read_address == reader.address))
        m.d.sync += there.eq(sequencer.busy)
        with m.If(descriptor_wanted):
            m.d.sync += read_address.eq(reader.address)
        m.d.comb += [
            descriptor_write.addr.eq(loader.address),
            descriptor_write.data.eq(loader.word),
            descriptor_write.en.eq(loader.write & (loader.target == 0)),
            directory_write.addr.eq(loader.address),
            directory_write.data.eq(loader.word),
            directory_write.en.eq(descriptor_write.en & (loader.address < directory.depth)),
            array.term_write.eq(
                loader.write & (loader.target != 0) & (loader.target <= config.cores)
            ),
            array.weight_write.eq(loader.write & (loader.target > config.cores)),
            array.term_core.eq(loader.target - Mux(array.weight_write, 1 + config.cores, 1)),
            array.term_address.eq(loader.address),
            array.term.eq(loader.word),
            # Busy begins a cycle after the start; a program must not begin in between.
            loader.hold.eq(sequencer.busy | register_block.start),
            loader.clear.eq(register_block.clear_error),
            register_block.loaded.eq(loader.loaded),
            register_block.loader_error.eq(loader.error),
            register_block.ready.eq(sequencer.ready),
            register_block.busy.eq(sequencer.busy),
            register_block.finished.eq(sequencer.done),
            register_block.sequencer_error.eq(sequencer.error),
            self.irq.eq(register_block.irq),
            self.failed.eq(register_block.failed),
            sequencer.start.eq(register_block.start),
            sequencer.point.eq(register_block.point),
            descriptor_read.addr.eq(reader.address),
            descriptor_read.en.eq(descriptor_wanted),
            directory_read.addr.eq(sequencer.address),
            directory_read.en.eq(~sequencer.ready),
            sequencer.word.eq(directory_read.data),
            reader.word.eq(descriptor_read.data),
            input_loader.start.eq(sequencer.input_start),
            input_loader.point.eq(sequencer.entry),
            sequencer.input_busy.eq(input_loader.busy),
            sequencer.input_free.eq(array.input_free),
            sequencer.input_error.eq(input_loader.error),
            input_loader.stop.eq(register_block.stop_input),
            input_loader.hold.eq(drain.store.write | array.pooled_write),
            sequencer.passes_end.eq(drain.finished),
            sequencer.array_busy.eq(array.busy),
            reader.start.eq(sequencer.passes_start),
            reader.first_pass.eq(sequencer.entry.first_pass),
            reader.item_taken.eq(array.item_taken),
            reader.records_taken.eq(drain_start & ~array.drained.pool),
            array.item.eq(reader.item),
            array.segments.eq(reader.segments),
            array.item_valid.eq(reader.item_valid),
            array.flush.eq(sequencer.passes_start),
            array.jump.eq(sequencer.jump),
            array.target.eq(sequencer.word),
            array.drain_start.eq(drain_start),
            array.drain_busy.eq(drain.busy),
            array.taken.eq(drain.taken),
            drain_start.eq(
                array.drain_waits & ~drain.busy & (reader.records_valid | array.drained.pool)
            ),
            drain.start.eq(drain_start),
            drain.item.eq(array.drained),
            drain.records.eq(reader.records),
            drain.sums.eq(array.sums),
            drain.ready.eq(array.ready),
            drain.pooled.eq(array.pool_done),
        ]
        self._activations(m, input_loader, array, drain)
        return m

    def _activations(
        self, m: Module, input_loader: InputLoader, array: CoreArray, drain: Drain
    ) -> None:
        """The banks of the activation memory."""
        config = self._config
        m.submodules.store_port = port = StorePort(config)
        m.d.comb += [
            port.take.eq(input_loader.take),
            port.bank.eq(input_loader.bank),
            port.place.eq(input_loader.address),
            port.lane.eq(input_loader.lane),
            port.whole_beat.eq(input_loader.whole_beat),
            port.elements.eq(input_loader.elements),
            port.drained.eq(drain.store),
            port.words.eq(drain.words),
            port.pooled_write.eq(array.pooled_write),
            port.pooled_address.eq(array.pooled_address),
            port.pooled.eq(array.pooled),
            port.pooled_phase.eq(array.pooled_phase),
            port.pooled_upper.eq(array.pooled_upper),
            # The drain has a pooling pass too.
            port.halve.eq(drain.halve),
            port.columns_bits.eq(drain.columns_bits),
        ]
        for bank in range(config.banks):
            store = memory.Memory(shape=row_layout(config), depth=config.bank_words, init=[])
            m.submodules[f"activations_{bank}"] = store
            read = store.read_port()
            write = store.write_port(granularity=1)
            m.d.comb += [
                read.addr.eq(array.address),
                read.en.eq(array.read),
                array.words[bank].eq(read.data),
                write.addr.eq(port.address),
                write.data.eq(port.data[bank]),
                write.en.eq(port.lanes & port.enable[bank].replicate(config.lanes)),
            ]
