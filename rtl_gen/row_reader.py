"""Reads windows from the activation memory and aligns them with the lanes."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import SEGMENT
from rtl_gen.window_sequencer import WindowRequest

__all__ = ["RowReader", "row_write_layout"]


def row_write_layout(config: AcceleratorConfig) -> data.StructLayout:
    """What is written to a row of the row buffer in one cycle.

    enable, elements : per element of the row
    complete : last write of the window; taps, channel_last : of the window
    """
    return data.StructLayout(
        {
            "elements": data.ArrayLayout(config.operand_width, config.row_width),
            "enable": config.row_width,
            "complete": 1,
            "taps": 2,
            "channel_last": 1,
        }
    )


class RowReader(wiring.Component):
    """Turns window requests into rows: ``row[j] = tensor[x + stride * j]``, j = 0..N+1.

    A window takes a cycle for each memory word that it touches inside the tensor, and one cycle
    where it touches none. Elements outside the tensor, and those beyond the words that its taps
    need, become the segment's ``pad_value``.

    Parameters
    ----------
    config : lanes, max_stride

    Members
    -------
    i : stream of WindowRequest
    segments : the pass's segments
    room : In(1), a row is free; sampled as a window begins
    flush : In(1), drops everything under way
    accepted : Out(1), the last word of a window is being read
    address, read : word address and enable of the activation memory; ``word``, data a cycle later
    write, o : a row is written with ``o`` in this cycle

    Latency: one cycle from a request to its first write. Throughput: one word per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(WindowRequest)),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "room": In(1),
                "flush": In(1),
                "accepted": Out(1),
                "address": Out(16),
                "read": Out(1),
                "word": In(data.ArrayLayout(config.operand_width, config.lanes)),
                "write": Out(1),
                "o": Out(row_write_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lanes, lane_bits = config.lanes, config.lanes.bit_length() - 1
        request = self.i.payload
        segment = Signal(data.StructLayout(dict(SEGMENT)))
        m.d.comb += segment.eq(Mux(request.segment, self.segments[1], self.segments[0]))

        first_word = Signal(signed(16))
        rotation = Signal(lane_bits)
        span = Signal(range(lanes + config.max_stride * (lanes + 1) + 1))
        m.d.comb += [
            first_word.eq(request.x >> lane_bits),
            rotation.eq(request.x[:lane_bits]),
        ]
        with m.Switch(segment.stride_x):
            for stride in range(1, config.max_stride + 1):
                with m.Case(stride), m.Switch(request.taps):
                    for taps in range(1, 4):
                        with m.Case(taps):
                            m.d.comb += span.eq(rotation + stride * (lanes - 2 + taps))

        low = Signal(signed(17))
        high = Signal(signed(18))
        in_row = segment.row_words - first_word - 1
        m.d.comb += [
            low.eq(Mux(first_word < 0, -first_word, 0)),
            high.eq(Mux(in_row < (span >> lane_bits), in_row, span >> lane_bits)),
        ]
        nothing = ~request.inside | (high < low)

        busy = Signal()
        following = Signal(range((span.shape().width << 1) + 1))
        offset = Signal.like(following)
        last = Signal()
        go = Signal()
        m.d.comb += [
            offset.eq(Mux(busy, following, low)),
            last.eq(nothing | (offset == high)),
            go.eq(self.i.valid & (busy | self.room) & ~self.flush),
            self.i.ready.eq(go & last),
            self.accepted.eq(go & last),
            self.read.eq(go & ~nothing),
            self.address.eq(request.address + first_word + offset),
        ]
        with m.If(self.flush):
            m.d.sync += busy.eq(0)
        with m.Elif(go):
            m.d.sync += [busy.eq(~last), following.eq(offset + 1)]

        self._align(m, segment, rotation, offset, nothing, ~busy, go, last)
        return m

    def _align(
        self,
        m: Module,
        segment: Signal,
        rotation: Signal,
        offset: Signal,
        nothing: Signal,
        first: Signal,
        go: Signal,
        last: Signal,
    ) -> None:
        """The second stage: pad the row's tail, rotate, take every stride-th element."""
        config = self._config
        lanes, lane_bits = config.lanes, config.lanes.bit_length() - 1
        held = Signal(
            data.StructLayout(
                {
                    "offset": len(offset),
                    "rotation": lane_bits,
                    "nothing": 1,
                    "first": 1,
                    "tail": 1,
                    "stride": 3,
                    "last_valid": 8,
                    "pad_value": config.operand_width,
                }
            )
        )
        request = self.i.payload
        m.d.sync += self.write.eq(go)
        with m.If(go):
            word_index = (request.x >> lane_bits) + offset
            m.d.sync += [
                held.offset.eq(offset),
                held.rotation.eq(rotation),
                held.nothing.eq(nothing),
                held.first.eq(first),
                held.tail.eq(word_index + 1 == segment.row_words),
                held.stride.eq(segment.stride_x),
                held.last_valid.eq(segment.last_valid),
                held.pad_value.eq(segment.pad_value),
                self.o.complete.eq(last),
                self.o.taps.eq(request.taps),
                self.o.channel_last.eq(request.channel_last),
            ]

        rotated = [self.word[lane] for lane in range(lanes)]
        for lane in range(1, lanes):
            padded = Signal(config.operand_width, name=f"padded{lane}")
            outside = held.tail & (held.last_valid <= lane)
            m.d.comb += padded.eq(Mux(outside, held.pad_value, self.word[lane]))
            rotated[lane] = padded
        for bit in range(lane_bits):
            stage = []
            for lane in range(lanes):
                value = Signal(config.operand_width, name=f"rotated{bit}_{lane}")
                source = rotated[(lane + (1 << bit)) % lanes]
                m.d.comb += value.eq(Mux(held.rotation[bit], source, rotated[lane]))
                stage.append(value)
            rotated = stage
        for j in range(config.row_width):
            here = Signal(name=f"here{j}")
            element = Signal(config.operand_width, name=f"element{j}")
            with m.Switch(held.stride):
                for stride in range(1, config.max_stride + 1):
                    with m.Case(stride):
                        position = held.rotation + stride * j
                        m.d.comb += [
                            here.eq(~held.nothing & (position >> lane_bits == held.offset)),
                            element.eq(rotated[stride * j % lanes]),
                        ]
            m.d.comb += [
                self.o.elements[j].eq(Mux(here, element, held.pad_value)),
                self.o.enable[j].eq(held.first | here),
            ]
