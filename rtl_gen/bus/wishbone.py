"""The accelerator behind Wishbone B4."""

from amaranth import ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.map import REGISTERS, Block
from rtl_gen.accelerator import Accelerator
from rtl_gen.bus.access import ADDRESS_BITS, AccessSignature, RegisterAccess
from rtl_gen.bus.windows import Windows

__all__ = ["FIFO_DEPTH", "WishboneAccelerator"]

FIFO_DEPTH = 16
"""Of the windows' queues where nothing else is asked for."""


class WishboneAccelerator(wiring.Component):
    """Registers and streams on a Wishbone B4 slave of 32 bits, granularity 8.

    Each strobe is answered by ``wb_ack_o`` or ``wb_err_o`` in the next cycle, whatever the
    accelerator does. ``wb_err_o`` answers what the registers refuse: it has changed nothing.

    One slave serves classic and pipelined masters. A classic one holds its strobe until the answer,
    so that the strobe in the answer's cycle is no new one: ``wb_stall_o`` says so to a pipelined
    one, and a classic one has no such signal.

    Parameters
    ----------
    config : of the accelerator
    fifo_depth : see :class:`rtl_gen.bus.windows.Windows`

    Members
    -------
    wb_clk_i, wb_rst_i : In(1), synchronous reset
    wb_cyc_i, wb_stb_i, wb_we_i : In(1); wb_adr_i : In(12), of a byte, its two low bits are ignored
    wb_sel_i : In(4), all 1 for writes and for OUTPUT; wb_dat_i : In(32)
    wb_dat_o : Out(32); wb_ack_o, wb_err_o, wb_stall_o : Out(1), all from registers
    irq_o : Out(1), see the register INTERRUPT

    Latency: 1 cycle. Throughput: one access every 2 cycles.

    Raises
    ------
    InputError : a depth that is not allowed
    """

    def __init__(self, config: AcceleratorConfig, fifo_depth: int = FIFO_DEPTH) -> None:
        self._config = config
        self._windows = Windows(config, fifo_depth)
        super().__init__(
            {
                "wb_clk_i": In(1),
                "wb_rst_i": In(1),
                "wb_cyc_i": In(1),
                "wb_stb_i": In(1),
                "wb_we_i": In(1),
                "wb_adr_i": In(ADDRESS_BITS + 2),
                "wb_sel_i": In(4),
                "wb_dat_i": In(32),
                "wb_dat_o": Out(32),
                "wb_ack_o": Out(1),
                "wb_err_o": Out(1),
                "wb_stall_o": Out(1),
                "irq_o": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.accelerator = accelerator = Accelerator(self._config)
        m.submodules.registers = registers = RegisterAccess()
        m.submodules.windows = windows = self._windows
        connect(m, registers.registers, accelerator.registers)
        connect(m, windows.program, accelerator.program)
        connect(m, windows.input, accelerator.input)
        connect(m, accelerator.output, windows.output)
        access = AccessSignature().create()
        taken = Signal()
        m.d.comb += [
            ClockSignal().eq(self.wb_clk_i),
            ResetSignal().eq(self.wb_rst_i),
            self.wb_stall_o.eq(self.wb_ack_o | self.wb_err_o),
            taken.eq(self.wb_cyc_i & self.wb_stb_i & ~self.wb_stall_o),
            access.address.eq(self.wb_adr_i[2:]),
            access.read.eq(taken & ~self.wb_we_i),
            access.write.eq(taken & self.wb_we_i),
            access.whole.eq(self.wb_sel_i.all()),
            access.w_data.eq(self.wb_dat_i),
            registers.done.eq(accelerator.irq),
            registers.failed.eq(accelerator.failed),
            registers.available.eq(windows.available),
            windows.clear.eq(registers.clear),
            windows.stop_input.eq(registers.stop_input),
            self.irq_o.eq(registers.irq),
        ]
        self._share(m, access, registers.access, windows.access)
        m.d.sync += [
            self.wb_ack_o.eq(taken & ~access.refused),
            self.wb_err_o.eq(taken & access.refused),
        ]
        with m.If(access.read):
            m.d.sync += self.wb_dat_o.eq(access.r_data)
        return m

    def _share(
        self,
        m: Module,
        access: wiring.PureInterface,
        registers: wiring.PureInterface,
        windows: wiring.PureInterface,
    ) -> None:
        """Windows have the addresses above the registers'; beyond both all is refused."""
        first = min(one.register for one in REGISTERS if one.block is Block.WINDOWS)
        above = Signal()
        m.d.comb += above.eq(access.address >= first)
        for part, chosen in ((registers, ~above), (windows, above)):
            m.d.comb += [
                part.address.eq(access.address),
                part.read.eq(access.read & chosen),
                part.write.eq(access.write & chosen),
                part.whole.eq(access.whole),
                part.w_data.eq(access.w_data),
            ]
        m.d.comb += [
            access.r_data.eq(Mux(above, windows.r_data, registers.r_data)),
            access.refused.eq(Mux(above, windows.refused, registers.refused)),
        ]
