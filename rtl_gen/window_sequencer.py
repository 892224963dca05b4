"""Walks through the windows of a pass, tile by tile, in the order of the program format."""

from amaranth import Elaboratable, EnableInserter, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import PASS, SEGMENT

__all__ = ["WindowRequest", "WindowSequencer"]


class WindowRequest(data.Struct):
    """A group of windows to fetch, one for each bank, all from one address.

    address : word address
    strips, lanes : what the words are turned by: element i is lane i + (strips << columns_bits) +
        lanes
    strips_there, columns_there : lanes of the word that own a pixel
    columns_bits : lanes side by side in the grid, as a power of two
    pad_value : what elements outside the map count as
    group_last : the last windows of these channels
    """

    address: 16
    strips: signed(8)
    lanes: signed(8)
    strips_there: 8
    columns_there: 8
    columns_bits: 3
    pad_value: 8
    group_last: 1


class WindowSequencer(wiring.Component):
    """Requests for the windows of all tiles of one pass after another.

    A tile's windows are those of each segment in turn, for each group of channels, kernel row and
    window of that row, or, ``by_rows``, for each kernel row, window of that row and group of
    channels, as ``pann_hw.program.windows`` lists them. All addresses are made by additions.

    Parameters
    ----------
    config : activation_words

    Members
    -------
    item, segments : In, the next pass; start : In(1), takes it
    busy : Out(1), windows of the pass taken last are still to come
    o : stream of WindowRequest

    Latency: three cycles from ``start`` to the first request. Throughput: one request per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "start": In(1),
                "busy": Out(1),
                "o": Out(stream.Signature(WindowRequest)),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        item = Signal(data.StructLayout(dict(PASS)), name="held_item")
        segments = Signal(
            data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2), name="held_segments"
        )
        preparing = Signal()
        entering = Signal()
        active = Signal()
        m.d.comb += self.busy.eq(preparing | entering | active)

        bits = self._config.size_bits
        tile_row = Signal(bits)
        tile_step = Signal(bits)
        # Of each segment, where the tile's first window lies.
        origin = data.StructLayout({"row": bits, "strip": signed(8), "address": bits})
        edge = data.StructLayout({"step": bits, "lane": signed(8)})
        origins = [Signal(origin, name=f"origin{i}") for i in range(2)]
        edges = [Signal(edge, name=f"edge{i}") for i in range(2)]

        index = Signal()
        segment = Signal(data.StructLayout(dict(SEGMENT)))
        m.d.comb += segment.eq(Mux(index, segments[1], segments[0]))
        group = Signal(bits)
        kernel_row = Signal(8)
        kernel_column = Signal(8)
        channel = Signal(bits)
        row = Signal(origin)
        column = Signal(edge)

        # Where windows are shared, the lanes beside the own ones are seen from there.
        near = (column.lane == -2) | (column.lane == 0)
        skip = segment.pairs | (segment.shared & near)
        columns_left = kernel_column + 1 != segment.row_windows
        rows_left = kernel_row + 1 != segment.kernel_height
        groups_left = group + 1 != segment.groups
        steps_left = tile_step + 1 != item.steps_wide
        tiles_left = steps_left | (tile_row + 1 != item.rows)

        o = self.o.payload
        m.d.comb += [
            self.o.valid.eq(active),
            o.address.eq(channel + row.address + column.step),
            o.strips.eq(row.strip),
            o.lanes.eq(column.lane),
            o.strips_there.eq(segment.strips - (row.row >= segment.last_rows)),
            o.columns_there.eq(segment.columns - (column.step >= segment.last_steps)),
            o.columns_bits.eq(item.columns_bits),
            o.pad_value.eq(segment.pad_value),
            o.group_last.eq(~columns_left & ~rows_left),
        ]

        def enter(number: int, first_row: Signal, first_column: Signal) -> list[object]:
            """Begin a segment's windows of the tile."""
            return [
                index.eq(number),
                group.eq(0),
                kernel_row.eq(0),
                kernel_column.eq(0),
                channel.eq(segments[number].base),
                row.eq(first_row),
                column.eq(first_column),
            ]

        current = Signal(origin)
        border = Signal(edge)
        m.d.comb += [
            current.eq(Mux(index, origins[1], origins[0])),
            border.eq(Mux(index, edges[1], edges[0])),
        ]
        if self._config.register_stages:
            # Of both segments at a time: more logic, and a shorter path from `index`.
            first, second = (
                self._following(m, *own, steps_left)
                for own in zip(segments, origins, edges, strict=True)
            )
            next_origin, next_edge = (
                Mux(index, two, one) for one, two in zip(first, second, strict=True)
            )
        else:
            next_origin, next_edge = self._following(m, segment, current, border, steps_left)
        with m.If(self.start):
            m.d.sync += [item.eq(self.item), segments.eq(self.segments), preparing.eq(1)]
        with m.If(preparing):
            m.d.sync += [preparing.eq(0), entering.eq(1), tile_row.eq(0), tile_step.eq(0)]
            for number in range(2):
                own = segments[number]
                # A second segment that the pass does not have is not clocked.
                with m.If(item.two_segments if number else 1):
                    m.d.sync += [
                        origins[number].row.eq(own.first_row),
                        origins[number].strip.eq(own.first_strip),
                        origins[number].address.eq(own.first_address),
                        edges[number].step.eq(own.first_step),
                        edges[number].lane.eq(own.first_lane),
                    ]
        with m.If(entering):
            m.d.sync += [entering.eq(0), active.eq(1)]
            m.d.sync += enter(0, origins[0], edges[0])
        with m.If(self.o.valid & self.o.ready & segment.by_rows & groups_left):
            m.d.sync += [group.eq(group + 1), channel.eq(channel + segment.pitch)]
        with m.Elif(self.o.valid & self.o.ready):
            with m.If(segment.by_rows):
                m.d.sync += [group.eq(0), channel.eq(segment.base)]
            with m.If(columns_left):
                m.d.sync += kernel_column.eq(kernel_column + 1)
                with m.If(column.step + 1 == segment.steps):
                    m.d.sync += [column.step.eq(0), column.lane.eq(column.lane + 1 + skip)]
                with m.Else():
                    m.d.sync += column.step.eq(column.step + 1)
            with m.Else():
                m.d.sync += [kernel_column.eq(0), column.eq(border)]
                with m.If(rows_left):
                    m.d.sync += kernel_row.eq(kernel_row + 1)
                    with m.If(row.row + 1 == segment.rows):
                        m.d.sync += [row.row.eq(0), row.strip.eq(row.strip + 1), row.address.eq(0)]
                    with m.Else():
                        m.d.sync += [
                            row.row.eq(row.row + 1),
                            row.address.eq(row.address + segment.steps),
                        ]
                with m.Else():
                    m.d.sync += [kernel_row.eq(0), row.eq(current)]
                    with m.If(groups_left & ~segment.by_rows):
                        m.d.sync += [group.eq(group + 1), channel.eq(channel + segment.pitch)]
                    with m.Else():
                        # The segment's next windows are those of the next tile.
                        for number in range(2):
                            with m.If(index == number):
                                m.d.sync += [
                                    origins[number].eq(next_origin),
                                    edges[number].eq(next_edge),
                                ]
                        with m.If(~index & item.two_segments):
                            m.d.sync += enter(1, origins[1], edges[1])
                        with m.Else():
                            m.d.sync += enter(
                                0,
                                Mux(index, origins[0], next_origin),
                                Mux(index, edges[0], next_edge),
                            )
                            m.d.sync += [
                                active.eq(tiles_left),
                                tile_step.eq(Mux(steps_left, tile_step + 1, 0)),
                                tile_row.eq(tile_row + ~steps_left),
                            ]
        # Where nothing moves nothing is clocked.
        moving = self.start | preparing | entering | (self.o.valid & self.o.ready)
        return EnableInserter(moving)(m)

    def _following(
        self, m: Module, own: Signal, origin: Signal, edge: Signal, steps_left: object
    ) -> tuple[Signal, Signal]:
        """Origin and edge of the tile beside this one, or of the first one of the row below."""
        next_origin = Signal.like(origin, name_suffix="_following")
        next_edge = Signal.like(edge, name_suffix="_following")
        step = Signal(len(edge.step) + 1)
        row = Signal(len(origin.row) + 1)
        step_over = Signal()
        row_over = Signal()
        m.d.comb += [
            step.eq(edge.step + own.next_step),
            row.eq(origin.row + own.next_row),
            step_over.eq(step >= own.steps),
            row_over.eq(row >= own.rows),
            next_origin.eq(origin),
        ]
        with m.If(steps_left):
            m.d.comb += [
                next_edge.step.eq(step - Mux(step_over, own.steps, 0)),
                next_edge.lane.eq(edge.lane + own.next_lane + step_over),
            ]
        with m.Else():
            m.d.comb += [
                next_edge.step.eq(own.first_step),
                next_edge.lane.eq(own.first_lane),
                next_origin.row.eq(row - Mux(row_over, own.rows, 0)),
                next_origin.strip.eq(origin.strip + own.next_strip + row_over),
                next_origin.address.eq(origin.address + own.row_step - Mux(row_over, own.pitch, 0)),
            ]
        return next_origin, next_edge
