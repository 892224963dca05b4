"""The accelerator behind AXI4-Lite and AXI4-Stream."""

from amaranth import Cat, ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from pann_hw.config import AcceleratorConfig
from rtl_gen.accelerator import Accelerator
from rtl_gen.bus.access import RegisterAccess
from rtl_gen.bus.axi_lite import AXI_LITE, AxiLite

__all__ = ["AxiAccelerator"]


class AxiAccelerator(wiring.Component):
    """Registers on AXI4-Lite; program, input and output on AXI4-Stream.

    Parameters
    ----------
    config : of the accelerator

    Members
    -------
    aclk, aresetn : In(1); aresetn is sampled by aclk, and low for one edge or more
    s_axi_... : AXI4-Lite slave of 32 bits, see :class:`rtl_gen.bus.axi_lite.AxiLite`; registers
        are those of ``pann_hw.registers.map`` but the windows
    s_axis_program_... : slave, tdata of 32 bits: words of a program stream
    s_axis_input_... : slave, tdata of 8 * input_elements bits: a byte for each element, the first
        in the lowest, of which the lowest operand_width bits count; tlast ends an inference's
        input. Bytes of the last beat above the last element are ignored, so there is no tkeep
    m_axis_output_... : master, tdata of 32 bits: sums in two's complement, always whole; tlast
        ends an inference's outputs
    irq : Out(1), see the register INTERRUPT

    Latency: AXI4-Lite as AxiLite; streams none. No output follows an input within a cycle.
    Throughput of the streams: as the accelerator's, a word, beat or sum per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                **{f"s_axi_{name}": member for name, member in AXI_LITE.items()},
                **_stream("s_axis_program", In, 32, last=False),
                **_stream("s_axis_input", In, 8 * config.input_elements),
                **_stream("m_axis_output", Out, 32),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.domains.sync = ClockDomain()
        m.submodules.accelerator = accelerator = Accelerator(config)
        m.submodules.axi_lite = axi_lite = AxiLite()
        m.submodules.access = access = RegisterAccess()
        connect(m, axi_lite.access, access.access)
        connect(m, access.registers, accelerator.registers)
        for name, member in AXI_LITE.items():
            outer, inner = getattr(self, f"s_axi_{name}"), getattr(axi_lite, name)
            m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)
        elements = [
            self.s_axis_input_tdata.word_select(index, 8)[: config.operand_width]
            for index in range(config.input_elements)
        ]
        m.d.comb += [
            ClockSignal().eq(self.aclk),
            ResetSignal().eq(~self.aresetn),
            access.done.eq(accelerator.irq),
            access.failed.eq(accelerator.failed),
            self.irq.eq(access.irq),
            accelerator.program.payload.eq(self.s_axis_program_tdata),
            accelerator.program.valid.eq(self.s_axis_program_tvalid),
            self.s_axis_program_tready.eq(accelerator.program.ready),
            accelerator.input.payload.elements.eq(Cat(elements)),
            accelerator.input.payload.last.eq(self.s_axis_input_tlast),
            accelerator.input.valid.eq(self.s_axis_input_tvalid),
            self.s_axis_input_tready.eq(accelerator.input.ready),
            self.m_axis_output_tdata.eq(accelerator.output.payload.value),
            self.m_axis_output_tlast.eq(accelerator.output.payload.last),
            self.m_axis_output_tvalid.eq(accelerator.output.valid),
            accelerator.output.ready.eq(self.m_axis_output_tready),
        ]
        return m


def _stream(name: str, flow: object, width: int, *, last: bool = True) -> dict[str, wiring.Member]:
    """An AXI4-Stream whose data go In or Out."""
    ahead, back = (In, Out) if flow == In else (Out, In)
    return {
        f"{name}_tdata": ahead(width),
        **({f"{name}_tlast": ahead(1)} if last else {}),
        f"{name}_tvalid": ahead(1),
        f"{name}_tready": back(1),
    }
