"""Models of the window sequencer and the row reader (``rtl_gen.window_sequencer``,
``row_reader``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit
from pann_hw.program.layout import PASS, SEGMENT, Fields, pack, unpack

__all__ = ["Request", "RequestRegister", "RowReader", "WindowSequencer"]

_W = 0xFFFF
_B = 0xFF


_REQUEST: Fields = {
    "address": 16,
    "strips": 8,
    "lanes": 8,
    "strips_there": 8,
    "columns_there": 8,
    "columns_bits": 3,
    "pad_value": 8,
    "group_last": 1,
}


class Request(NamedTuple):
    """See :class:`rtl_gen.window_sequencer.WindowRequest`."""

    address: int
    strips: int
    lanes: int
    strips_there: int
    columns_there: int
    columns_bits: int
    pad_value: int
    group_last: int


class WindowSequencer(Unit):
    """Requests for windows; see :class:`rtl_gen.window_sequencer.WindowSequencer`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.item_bits = self.segments_bits = 0
        self.preparing = self.entering = self.active = 0
        self.tile_row = self.tile_step = 0
        self.origin0 = self.origin1 = self.edge0 = self.edge1 = 0
        self.index = self.group = self.kernel_row = self.kernel_column = self.channel = 0
        self.row = self.column = 0
        self.item = unpack(PASS, 0)
        self.segments = [unpack(SEGMENT, 0)] * 2

    @property
    def busy(self) -> int:
        """Windows are still to come."""
        return self.preparing | self.entering | self.active

    def address(self) -> int:
        """Word address of the request."""
        return (self.channel + (self.row >> 24) + (self.column & _W)) & _W

    def request(self) -> Request:
        """The request; it is one while the sequencer is active."""
        segment = self.segments[self.index]
        row, strip = self.row & _W, _signed(self.row >> 16 & _B)
        step, lane = self.column & _W, _signed(self.column >> 16 & _B)
        last = (
            self.kernel_column + 1 == segment["row_windows"]
            and self.kernel_row + 1 == segment["kernel_height"]
        )
        return Request(
            self.address(),
            strip,
            lane,
            segment["strips"] - (row >= segment["last_rows"]),
            segment["columns"] - (step >= segment["last_steps"]),
            self.item["columns_bits"],
            segment["pad_value"],
            int(last),
        )

    def clock(self, taken: tuple[int, Sequence[int]] | None, go: bool) -> None:
        """A clock edge: the next pass is taken, the request is accepted."""
        if taken is not None:
            bits, segments = taken
            self.put("item_bits", bits)
            self.put("segments_bits", segments[0] | segments[1] << sum(SEGMENT.values()))
            self.item = unpack(PASS, bits)
            self.segments = [unpack(SEGMENT, segment) for segment in segments]
            self.put("preparing", 1)
        elif self.preparing:
            self._prepare()
        elif self.entering:
            self.put("entering", 0)
            self.put("active", 1)
            self._enter(0, self.origin0, self.edge0)
        elif go:
            self._advance()

    def _prepare(self) -> None:
        self.put("preparing", 0)
        self.put("entering", 1)
        self.put("tile_row", 0)
        self.put("tile_step", 0)
        for number in range(1 + self.item["two_segments"]):
            own = self.segments[number]
            origin = own["first_row"] | own["first_strip"] << 16 | own["first_address"] << 24
            self.put(f"origin{number}", origin)
            self.put(f"edge{number}", own["first_step"] | own["first_lane"] << 16)

    def _enter(self, number: int, row: int, column: int) -> None:
        self.put("index", number)
        self.put("group", 0)
        self.put("kernel_row", 0)
        self.put("kernel_column", 0)
        self.put("channel", self.segments[number]["base"])
        self.put("row", row)
        self.put("column", column)

    def _advance(self) -> None:
        segment = self.segments[self.index]
        by_rows, groups_left = segment["by_rows"], self.group + 1 != segment["groups"]
        if by_rows and groups_left:
            self._next_group(segment)
            return
        columns_left = self.kernel_column + 1 != segment["row_windows"]
        rows_left = self.kernel_row + 1 != segment["kernel_height"]
        if not (columns_left or rows_left or (groups_left and not by_rows)):
            self._next_segment()
            return
        if by_rows:
            self.put("group", 0)
            self.put("channel", segment["base"])
        if columns_left:
            self.put("kernel_column", self.kernel_column + 1)
            step, lane = self.column & _W, self.column >> 16
            if step + 1 == segment["steps"]:
                # The lanes beside the own ones are seen from there.
                skip = segment["pairs"] or (segment["shared"] and _signed(lane) in {-2, 0})
                self.put("column", (lane + 1 + skip & _B) << 16)
            else:
                self.put("column", step + 1 | lane << 16)
            return
        self.put("kernel_column", 0)
        border = self.edge1 if self.index else self.edge0
        if rows_left:
            self.put("column", border)
            self.put("kernel_row", self.kernel_row + 1)
            row, strip, address = self.row & _W, self.row >> 16 & _B, self.row >> 24
            if row + 1 == segment["rows"]:
                self.put("row", (strip + 1 & _B) << 16)
            else:
                self.put("row", row + 1 | strip << 16 | (address + segment["steps"] & _W) << 24)
            return
        self.put("column", border)
        self.put("kernel_row", 0)
        self.put("row", self.origin1 if self.index else self.origin0)
        self._next_group(segment)

    def _next_group(self, segment: dict[str, int]) -> None:
        self.put("group", self.group + 1)
        self.put("channel", self.channel + segment["pitch"] & _W)

    def _next_segment(self) -> None:
        """The other segment of the tile, or the next tile."""
        steps_left = self.tile_step + 1 != self.item["steps_wide"]
        # Its next windows are those of the next tile.
        self._next_tile(self.index, steps_left=steps_left)
        if not self.index and self.item["two_segments"]:
            self._enter(1, self.origin1, self.edge1)
            return
        self.put("active", int(steps_left or self.tile_row + 1 != self.item["rows"]))
        # What follows goes to the first window even where a pass has no further tile.
        self._enter(0, self.origin0, self.edge0)
        self.put("tile_step", self.tile_step + 1 if steps_left else 0)
        self.put("tile_row", self.tile_row + (not steps_left) & _W)

    def _next_tile(self, number: int, *, steps_left: bool) -> None:
        """Move a segment's origin and edge to the next tile."""
        own = self.segments[number]
        origin = self.origin1 if number else self.origin0
        if steps_left:
            edge = self.edge1 if number else self.edge0
            step, lane = (edge & _W) + own["next_step"], (edge >> 16) + own["next_lane"]
            if step >= own["steps"]:
                step, lane = step - own["steps"], lane + 1
            edge = step & _W | (lane & _B) << 16
        else:
            edge = own["first_step"] | own["first_lane"] << 16
            row, strip = (origin & _W) + own["next_row"], (origin >> 16 & _B) + own["next_strip"]
            address = (origin >> 24) + own["row_step"]
            if row >= own["rows"]:
                row, strip, address = row - own["rows"], strip + 1, address - own["pitch"]
            origin = row & _W | (strip & _B) << 16 | (address & _W) << 24
        self.put(f"edge{number}", edge)
        self.put(f"origin{number}", origin)


class RequestRegister(Unit):
    """The register between them; see :class:`rtl_gen.stream_register.StreamRegister`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.valid = self.payload = 0
        self.request = Request(0, 0, 0, 0, 0, 0, 0, 0)

    def ready(self, *, go: bool) -> bool:
        """Whether a request is taken, if there is one; `go`: its own is."""
        return go or not self.valid

    def clock(self, request: Request | None, *, go: bool) -> None:
        """A clock edge, with the sequencer's request if it has one."""
        if not self.ready(go=go):
            return
        self.put("valid", int(request is not None))
        if request is None:
            return
        self.request = request
        bits = zip(_REQUEST.items(), request, strict=True)
        values = {name: value & (1 << width) - 1 for (name, width), value in bits}
        self.put("payload", pack(_REQUEST, values))


class RowReader(Unit):
    """Registers between request and window; see :class:`rtl_gen.row_reader.RowReader`."""

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        super().__init__(config, flips)
        self.write = self.held = self.group_last = 0
        self.address = self.read = 0
        bits = config.lanes.bit_length() - 1
        self._fields = {
            "turn": bits, "low": bits + 1, "high": bits + 1, "left": bits + 1, "right": bits + 1,
            "columns": bits, "pad_value": config.operand_width,
        }  # fmt: skip

    def ports(self, address: int, go: bool) -> None:
        """The activation memory's read port in this cycle."""
        self.put("address", address, "memory_ports")
        self.put("read", int(go), "memory_ports")

    def clock(self, request: Request | None) -> None:
        """A clock edge: a request is accepted, or none."""
        self.put("write", int(request is not None))
        if request is None:
            return
        _, strips, turned, strips_there, columns_there, columns_bits, pad_value, last = request
        lanes = self._config.lanes
        held = {
            "turn": (strips << columns_bits) + turned & lanes - 1,
            "low": _clamped(-strips << columns_bits, lanes),
            "high": _clamped(strips_there - strips << columns_bits, lanes),
            "left": _clamped(-turned, lanes),
            "right": _clamped(columns_there - turned, lanes),
            "columns": (1 << columns_bits) - 1,
            "pad_value": pad_value,
        }
        self.put("held", pack(self._fields, held))
        self.put("group_last", last)


def _signed(value: int) -> int:
    return value - 256 if value > 127 else value


def _clamped(value: int, limit: int) -> int:
    return min(max(value, 0), limit)
