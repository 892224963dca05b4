"""Reads words from the activation memory and turns them into windows."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.row_buffer import row_layout
from rtl_gen.window_sequencer import WindowRequest

__all__ = ["RowReader"]


class RowReader(wiring.Component):
    """Turns requests into windows: ``o[bank][i] = word[bank][i + turn]``, padding outside the map.

    Parameters
    ----------
    config : lanes, banks

    Members
    -------
    i : stream of WindowRequest
    room : In(1), there is room for a group of windows
    accepted : Out(1), a group is being read
    address, read : Out, of all banks of the activation memory; words : In, data a cycle later
    write, o, group_last : Out, a group of windows in this cycle

    Latency: one cycle from a request to ``write``. Throughput: one group per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        rows = data.ArrayLayout(row_layout(config), config.banks)
        super().__init__(
            {
                "i": In(stream.Signature(WindowRequest)),
                "room": In(1),
                "accepted": Out(1),
                "address": Out(16),
                "read": Out(1),
                "words": In(rows),
                "write": Out(1),
                "o": Out(rows),
                "group_last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lanes, lane_bits = config.lanes, config.lanes.bit_length() - 1
        request = self.i.payload
        go = Signal()
        m.d.comb += [
            go.eq(self.i.valid & self.room),
            self.i.ready.eq(go),
            self.accepted.eq(go),
            self.read.eq(go),
            self.address.eq(request.address),
        ]

        held = Signal(
            data.StructLayout(
                {
                    "turn": lane_bits,
                    "low": lane_bits + 1,
                    "high": lane_bits + 1,
                    "left": lane_bits + 1,
                    "right": lane_bits + 1,
                    "columns": lane_bits,
                    "pad_value": config.operand_width,
                }
            )
        )
        low = Signal(signed(18))
        high = Signal(signed(18))
        left = Signal(signed(10))
        right = Signal(signed(10))
        m.d.comb += [
            low.eq((-request.strips) << request.columns_bits),
            high.eq((request.strips_there - request.strips) << request.columns_bits),
            left.eq(-request.lanes),
            right.eq(request.columns_there - request.lanes),
        ]
        m.d.sync += self.write.eq(go)
        with m.If(go):
            m.d.sync += [
                held.turn.eq((request.strips << request.columns_bits) + request.lanes),
                held.low.eq(_clamped(low, lanes)),
                held.high.eq(_clamped(high, lanes)),
                held.left.eq(_clamped(left, lanes)),
                held.right.eq(_clamped(right, lanes)),
                held.columns.eq((1 << request.columns_bits) - 1),
                held.pad_value.eq(request.pad_value),
                self.group_last.eq(request.group_last),
            ]

        inside = Signal(lanes)
        for lane in range(lanes):
            column = Signal(lane_bits, name=f"column{lane}")
            m.d.comb += [
                column.eq(lane & held.columns),
                inside[lane].eq(
                    (lane >= held.low)
                    & (lane < held.high)
                    & (column >= held.left)
                    & (column < held.right)
                ),
            ]
        for bank in range(config.banks):
            turned = [self.words[bank][lane] for lane in range(lanes)]
            for bit in range(lane_bits):
                stage = []
                for lane in range(lanes):
                    value = Signal(config.operand_width, name=f"turned{bank}_{bit}_{lane}")
                    other = turned[(lane + (1 << bit)) % lanes]
                    m.d.comb += value.eq(Mux(held.turn[bit], other, turned[lane]))
                    stage.append(value)
                turned = stage
            for lane in range(lanes):
                m.d.comb += self.o[bank][lane].eq(Mux(inside[lane], turned[lane], held.pad_value))
        return m


def _clamped(value: Signal, limit: int) -> Mux:
    """A signed value within 0..limit."""
    return Mux(value < 0, 0, Mux(value > limit, limit, value))
