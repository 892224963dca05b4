"""A core: N lanes that share one stream of terms per rail."""

from amaranth import Array, Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import create_lane
from rtl_gen.row_buffer import choose_row, row_layout
from rtl_gen.term_stream import term_control_layout

__all__ = ["Core"]


class Core(wiring.Component):
    """``acc[i] += (p_row[i + p_offset] << p_shift) - (n_row[i + n_offset] << n_shift)``.

    One output channel, N output pixels. Lanes beyond ``lane_on`` and rails without a term see 0.

    Parameters
    ----------
    config : lanes and their kind

    Members
    -------
    load : In(1), sets every accumulator to ``bias``
    bias : In(signed(accumulator_width))
    lane_on : In(lanes), lanes whose pixel exists
    rows : In, the row buffer
    control : In, term_control_layout per rail
    sums : Out, the accumulators

    Latency: one cycle from ``control`` to ``sums``. Throughput: one term per rail and cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(1),
                "bias": In(signed(config.accumulator_width)),
                "lane_on": In(config.lanes),
                "rows": In(row_layout(config)),
                "control": In(data.ArrayLayout(term_control_layout(config), config.rails)),
                "sums": Out(data.ArrayLayout(signed(config.accumulator_width), config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        width = config.operand_width
        operands = []
        for rail in range(config.rails):
            control = self.control[rail]
            row = Signal(data.ArrayLayout(width, config.row_width), name=f"row{rail}")
            operand = Signal(data.ArrayLayout(width, config.lanes), name=f"operand{rail}")
            m.d.comb += row.eq(choose_row(self.rows, control.slot))
            for lane in range(config.lanes):
                chosen = Array(row[lane + offset] for offset in range(3))[control.offset]
                gate = control.active & self.lane_on[lane]
                m.d.comb += operand[lane].eq(chosen & gate.replicate(width))
            operands.append(operand)
        enable = Cat(self.control[rail].active for rail in range(config.rails)).any()

        for index in range(config.lanes):
            lane = create_lane(config)
            m.submodules[f"lane_{index}"] = lane
            m.d.comb += [
                lane.load.eq(self.load),
                lane.enable.eq(enable & self.lane_on[index]),
                lane.bias.eq(self.bias),
                lane.p.eq(operands[0][index]),
                lane.p_shift.eq(self.control[0].shift),
                lane.subtract.eq(self.control[0].subtract),
                self.sums[index].eq(lane.value),
            ]
            if config.rails == 2:
                m.d.comb += [
                    lane.n.eq(operands[1][index]),
                    lane.n_shift.eq(self.control[1].shift),
                ]
        return m
