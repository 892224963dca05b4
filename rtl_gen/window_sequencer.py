"""Walks through the windows that one tile of a pass needs, in the order of the program format."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import PASS, SEGMENT, TAPS

__all__ = ["WindowRequest", "WindowSequencer"]


class WindowRequest(data.Struct):
    """One window to fetch.

    address : word address of the row's first element
    inside : whether the row lies inside the tensor
    x : element at tap 0 of lane 0; may be negative
    taps : taps in use, 1..TAPS
    segment : which of the pass's segments it belongs to
    channel_last : last window of its channel
    """

    address: 16
    inside: 1
    x: signed(18)
    taps: 2
    segment: 1
    channel_last: 1


class WindowSequencer(wiring.Component):
    """Requests for the windows of one tile after another, ordered as ``pann_hw.program.windows``.

    ``start`` begins with a pass's first tile, ``next_tile`` with its next tile, dropping what is
    left of the current one. All addresses are made by additions of strides.

    Parameters
    ----------
    config : lanes

    Members
    -------
    item, segments : the pass and its two segments, stable from ``start`` on
    start, next_tile : In(1)
    o : stream of WindowRequest

    Latency: the first request one cycle after ``start``. Throughput: one request per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "start": In(1),
                "next_tile": In(1),
                "o": Out(stream.Signature(WindowRequest)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        active = Signal()
        index = Signal()
        segment = Signal(data.StructLayout(dict(SEGMENT)))
        m.d.comb += segment.eq(Mux(index, self.segments[1], self.segments[0]))

        tile = Signal(16)
        last_tile = tile + 1 == self.item.tiles_per_row
        row_address = [Signal(16, name=f"row_address{i}") for i in range(2)]
        row_y = [Signal(signed(20), name=f"row_y{i}") for i in range(2)]
        tile_x = [Signal(signed(18), name=f"tile_x{i}") for i in range(2)]

        channel = Signal(16)
        kernel_row = Signal(8)
        base = Signal(8)
        phase = Signal(8)
        channel_address = Signal(16)
        address = Signal(16)
        y = Signal(signed(20))

        reach = Signal(11)
        step = Signal(11)
        stride = segment.stride_x
        m.d.comb += [
            reach.eq(base + stride),
            step.eq(stride + (stride << 1)),
        ]
        row_bases_left = base + step < segment.kernel_width
        phases_left = (phase + 1 < stride) & (phase + 1 < segment.kernel_width)
        rows_left = kernel_row + 1 != segment.kernel_height
        channels_left = channel + 1 != segment.channels
        channel_last = ~row_bases_left & ~phases_left & ~rows_left

        o = self.o.payload
        two_more = reach + stride < segment.kernel_width
        one_more = reach < segment.kernel_width
        m.d.comb += [
            self.o.valid.eq(active),
            o.address.eq(address),
            o.inside.eq((y >= 0) & (y < segment.height)),
            o.x.eq(Mux(index, tile_x[1], tile_x[0]) + base),
            o.taps.eq(Mux(two_more, TAPS, Mux(one_more, 2, 1))),
            o.segment.eq(index),
            o.channel_last.eq(channel_last),
        ]

        def enter(address_value: object, y_value: object) -> list[object]:
            """Begin a segment's first channel."""
            return [
                channel.eq(0),
                kernel_row.eq(0),
                base.eq(0),
                phase.eq(0),
                channel_address.eq(address_value),
                address.eq(address_value),
                y.eq(y_value),
            ]

        with m.If(self.o.valid & self.o.ready):
            with m.If(row_bases_left):
                m.d.sync += base.eq(base + step)
            with m.Elif(phases_left):
                m.d.sync += [phase.eq(phase + 1), base.eq(phase + 1)]
            with m.Else():
                m.d.sync += [base.eq(0), phase.eq(0)]
                with m.If(rows_left):
                    m.d.sync += [
                        kernel_row.eq(kernel_row + 1),
                        address.eq(address + segment.row_words),
                        y.eq(y + 1),
                    ]
                with m.Elif(channels_left):
                    following = channel_address + segment.channel_pitch
                    m.d.sync += [
                        channel.eq(channel + 1),
                        kernel_row.eq(0),
                        channel_address.eq(following),
                        address.eq(following),
                        y.eq(Mux(index, row_y[1], row_y[0])),
                    ]
                with m.Elif(~index & self.item.two_segments):
                    m.d.sync += index.eq(1)
                    m.d.sync += enter(row_address[1], row_y[1])
                with m.Else():
                    m.d.sync += active.eq(0)

        first = self.segments[0]
        with m.If(self.start):
            m.d.sync += [active.eq(1), index.eq(0), tile.eq(0)]
            m.d.sync += enter(first.origin, -first.pad_top)
        with m.Elif(self.next_tile):
            m.d.sync += [active.eq(1), index.eq(0)]
            with m.If(last_tile):
                m.d.sync += tile.eq(0)
                m.d.sync += enter(row_address[0] + first.row_step, row_y[0] + first.stride_y)
            with m.Else():
                m.d.sync += tile.eq(tile + 1)
                m.d.sync += enter(row_address[0], row_y[0])

        for i in range(2):
            own = self.segments[i]
            across = own.stride_x << self._config.lanes.bit_length() - 1
            # A second segment that the pass does not have is not clocked.
            with m.If(self.item.two_segments if i else 1):
                with m.If(self.start):
                    m.d.sync += [
                        row_address[i].eq(own.origin),
                        row_y[i].eq(-own.pad_top),
                        tile_x[i].eq(-own.pad_left),
                    ]
                with m.Elif(self.next_tile & last_tile):
                    m.d.sync += [
                        row_address[i].eq(row_address[i] + own.row_step),
                        row_y[i].eq(row_y[i] + own.stride_y),
                        tile_x[i].eq(-own.pad_left),
                    ]
                with m.Elif(self.next_tile):
                    m.d.sync += tile_x[i].eq(tile_x[i] + across)
        return m
