"""The requantiser: N accumulators at a time become activations by shift-adds."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig

__all__ = ["Requantiser"]


class Requantiser(wiring.Component):
    """Steps ``r <- floor((r + d * a) / 2**shift)``, then ``clamp(floor((r + 1) / 2), 0, q_max)``.

    The steps are those of ``pann_hw.integer.requantise``; a step with ``first`` begins from r = 0.

    Parameters
    ----------
    config : lanes, accumulator_width

    Members
    -------
    sums : In, accumulators a, stable during the steps
    enable : In(1), do a step
    first, add, subtract : In(1), begin anew; d = add - subtract
    shift : In(4)
    q_max : In(operand_width)
    value : Out, a cycle after the last step

    Latency and throughput: one cycle per step.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "sums": In(data.ArrayLayout(signed(config.accumulator_width), config.lanes)),
                "enable": In(1),
                "first": In(1),
                "add": In(1),
                "subtract": In(1),
                "shift": In(4),
                "q_max": In(config.operand_width),
                "value": Out(data.ArrayLayout(config.operand_width, config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # Two bits of headroom hold four steps of |a| without a shift, one more the sign.
        width = config.accumulator_width + 3
        state = Signal(data.ArrayLayout(signed(width), config.lanes))
        for lane in range(config.lanes):
            a, r = self.sums[lane], state[lane]
            kept = Signal(signed(width), name=f"kept{lane}")
            addend = Signal(signed(width), name=f"addend{lane}")
            total = Signal(signed(width), name=f"total{lane}")
            rounded = Signal(signed(width), name=f"rounded{lane}")
            m.d.comb += [
                kept.eq(Mux(self.first, 0, r)),
                addend.eq(Mux(self.add, a, Mux(self.subtract, ~a, 0))),
                total.eq(kept + addend + self.subtract),
                rounded.eq((r + 1) >> 1),
                self.value[lane].eq(
                    Mux(rounded < 0, 0, Mux(rounded > self.q_max, self.q_max, rounded))
                ),
            ]
            with m.If(self.enable):
                m.d.sync += r.eq(total >> self.shift)
        return m
