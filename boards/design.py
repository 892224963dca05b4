"""The top level of every board: an accelerator behind its host link."""

from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect

from pann_hw.config import AcceleratorConfig
from pann_hw.link.config import LinkConfig
from rtl_gen.accelerator import Accelerator
from rtl_gen.drain import output_layout
from rtl_gen.link.link import Link

__all__ = ["Design"]


class Design(wiring.Component):
    """An accelerator that a host drives over a serial line; it knows no board.

    Parameters
    ----------
    config : of the accelerator
    link : clock of the domain ``sync``, cycles of a bit, size of the ring of operations

    Members
    -------
    rx : In(1), tx : Out(1), the line, 8N1
    done : Out(1), an inference is done and the next not started; for a LED

    Latency, throughput: of :class:`rtl_gen.link.link.Link` and
    :class:`rtl_gen.accelerator.Accelerator`.
    """

    def __init__(self, config: AcceleratorConfig, link: LinkConfig) -> None:
        self._config = config
        self._link = link
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "done": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = Link(self._config, self._link)
        accelerator = Accelerator(self._config)
        m.submodules.accelerator = ResetInserter(link.restart)(accelerator)
        connect(m, link.program, accelerator.program)
        connect(m, link.input, accelerator.input)
        if self._config.register_stages:
            # From the requantiser to the ring of results is a long way: registers for both
            # directions.
            layout = output_layout(self._config)
            queue = SyncFIFOBuffered(width=layout.size, depth=3)
            m.submodules.queue = ResetInserter(link.restart)(queue)
            m.d.comb += [
                queue.w_data.eq(accelerator.output.payload),
                queue.w_en.eq(accelerator.output.valid),
                accelerator.output.ready.eq(queue.w_rdy),
                link.output.payload.eq(queue.r_data),
                link.output.valid.eq(queue.r_rdy),
                queue.r_en.eq(link.output.ready),
            ]
        else:
            connect(m, accelerator.output, link.output)
        connect(m, link.registers, accelerator.registers)
        m.d.comb += [
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            self.done.eq(accelerator.irq),
        ]
        return m
