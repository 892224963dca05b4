"""A core: N lanes that share one stream of bundles of terms."""

from amaranth import Array, Const, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import create_lane
from rtl_gen.row_buffer import choose_row, rows_layout
from rtl_gen.term_stream import control_layout

__all__ = ["Core", "sums_layout"]


def sums_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """An accumulator for each lane."""
    return data.ArrayLayout(signed(config.accumulator_width), config.lanes)


class Core(wiring.Component):
    """``sum[i] = sum over terms of (negative ? -1 : 1) * (row[i + offset - 1] << shift)``.

    One output channel, N output pixels. A tile's sums are copied when its last bundle is added, so
    that the next tile goes on while they are taken away. Lanes that are off, neighbours beyond a
    lane's row of the grid, and places without a term see 0.

    Parameters
    ----------
    config : lanes, their kind and number of terms

    Members
    -------
    lane_on, left_edge, right_edge : In(lanes), lanes that own a pixel, and those without a left,
        or a right, neighbour
    rows : In, the row buffer
    control : In(control_layout)
    sums : Out, of the finished tile
    ready : Out(1), ``sums`` are complete; until ``taken`` : In(1)

    Latency: two cycles from the last bundle's ``control`` to ``ready``. Throughput: one bundle per
    cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "lane_on": In(config.lanes),
                "left_edge": In(config.lanes),
                "right_edge": In(config.lanes),
                "rows": In(rows_layout(config)),
                "control": In(control_layout(config)),
                "sums": Out(sums_layout(config)),
                "ready": Out(1),
                "taken": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        width, lanes = config.operand_width, config.lanes
        terms = self.control.terms
        operands = []
        for number in range(config.terms):
            term = terms[number]
            row = Signal(data.ArrayLayout(width, lanes), name=f"row{number}")
            operand = Signal(data.ArrayLayout(width, lanes), name=f"operand{number}")
            m.d.comb += row.eq(choose_row(self.rows, term.slot))
            for lane in range(lanes):
                left = row[lane - 1] if lane else Const(0, width)
                right = row[lane + 1] if lane + 1 < lanes else Const(0, width)
                beyond = (self.left_edge[lane] & (term.offset == 0)) | (
                    self.right_edge[lane] & (term.offset == 2)
                )
                gate = term.active & self.lane_on[lane] & ~beyond
                chosen = Array([left, row[lane], right])[term.offset]
                m.d.comb += operand[lane].eq(chosen & gate.replicate(width))
            operands.append(operand)

        accumulators = Signal(sums_layout(config))
        for index in range(lanes):
            lane = create_lane(config)
            m.submodules[f"lane_{index}"] = lane
            m.d.comb += [
                lane.enable.eq(self.control.enable & (self.lane_on[index] | self.control.clear)),
                lane.clear.eq(self.control.clear),
                accumulators[index].eq(lane.value),
            ]
            for number, operand in enumerate(operands):
                m.d.comb += [
                    lane.x[number].eq(operand[index]),
                    lane.shift[number].eq(terms[number].shift),
                    lane.negative[number].eq(terms[number].negative & terms[number].active),
                ]

        finished = Signal()
        m.d.sync += finished.eq(self.control.last)
        with m.If(finished):
            m.d.sync += [self.sums.eq(accumulators), self.ready.eq(1)]
        with m.Elif(self.taken):
            m.d.sync += self.ready.eq(0)
        return m
