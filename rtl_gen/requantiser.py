"""The requantiser: some lanes' accumulators at a time become activations by shift-adds."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig

__all__ = ["Requantiser"]


class Requantiser(wiring.Component):
    """Steps ``r <- floor((r + d * a) / 2**shift)``, then ``clamp(floor((r + 1) / 2), 0, q_max)``.

    ``a = sum + bias``. The steps are those of ``pann_hw.integer.requantise``; a step with ``first``
    begins from r = 0.

    Parameters
    ----------
    config : part_lanes, accumulator_width, operand_width

    Members
    -------
    sums, bias : In, of each lane and of all, stable during the steps
    enable : In(1), do a step
    first, add, subtract : In(1), begin anew; d = add - subtract
    shift : In(4)
    q_max : In(operand_width)
    totals : Out, at once: sums and bias with ``add``, modulo 2**accumulator_width
    value : Out, a cycle after the last step

    Latency and throughput: one cycle per step.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        sums = data.ArrayLayout(signed(config.accumulator_width), config.part_lanes)
        super().__init__(
            {
                "sums": In(sums),
                "bias": In(signed(config.accumulator_width)),
                "enable": In(1),
                "first": In(1),
                "add": In(1),
                "subtract": In(1),
                "shift": In(4),
                "q_max": In(config.operand_width),
                "totals": Out(sums),
                "value": Out(data.ArrayLayout(config.operand_width, config.part_lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        narrow, bits = config.accumulator_width, config.operand_width
        # Two bits of headroom hold four steps of |a| without a shift, one more the sign.
        width = narrow + 3
        state = Signal(data.ArrayLayout(signed(width), config.part_lanes))
        # -1 - a = ~sum + ~bias + 1: the bias' inversion is shared, and a digit of 0 adds 0 to 0. A
        # carry comes in as the sum of two bits below the lowest.
        active = self.add | self.subtract
        bias = Signal(narrow)
        m.d.comb += bias.eq(
            (self.bias ^ self.subtract.replicate(narrow)) & active.replicate(narrow)
        )
        for lane in range(config.part_lanes):
            r, total = state[lane], self.totals[lane]
            addend = Signal(narrow, name=f"addend{lane}")
            kept = Signal(width, name=f"kept{lane}")
            after = Signal(signed(width), name=f"after{lane}")
            m.d.comb += [
                addend.eq(
                    (self.sums[lane] ^ self.subtract.replicate(narrow)) & active.replicate(narrow)
                ),
                total.eq(_sum(bias, addend, self.subtract)),
                kept.eq(r & ~self.first.replicate(width)),
                after.eq(_sum(Cat(total, total[-1].replicate(3)), kept, self.subtract)),
                self.value[lane].eq(_clamped(r, self.q_max, bits)),
            ]
            with m.If(self.enable):
                m.d.sync += r.eq(after >> self.shift)
        return m


def _sum(one: Value, other: Value, carry: Value) -> Value:
    return (Cat(Const(1, 1), one) + Cat(carry, other))[1 : len(one) + 1]


def _clamped(r: Value, q_max: Value, bits: int) -> Value:
    """``clamp(floor((r + 1) / 2), 0, q_max)``: more than q_max is what is above 2 * q_max."""
    above = r[bits + 1 : -1].any() | (r[: bits + 1] > Cat(Const(0, 1), q_max))
    rounded = (r[1 : bits + 1] + r[0])[:bits]
    return Mux(r[-1], 0, Mux(above, q_max, rounded))
