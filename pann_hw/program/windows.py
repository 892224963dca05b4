"""The order in which a pass reads its inputs: one enumeration for compiler, interpreter and RTL.

A window is a row of N + 2 elements ``tensor[channel, y, x + stride * j]``, j = 0..N+1, which lets
every lane reach up to TAPS horizontally neighbouring taps of a kernel's row. A kernel row of width
kw and stride s is covered by the windows that begin at taps ``phase + 3 s i`` for each phase below
min(s, kw).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pann_hw.program.layout import TAPS

__all__ = ["Segment", "Window", "row_bases", "windows", "word_range"]


@dataclass(frozen=True)
class Segment:
    """One tensor as a pass reads it; field names and units as in the program format.

    Attributes
    ----------
    tensor : name of the tensor
    base : word address of the tensor
    first_channel, channels : range of channels read
    height, width : of the tensor, in elements
    row_words : words per row
    kernel, stride, padding : (vertical, horizontal)
    pad_value : what elements outside the tensor count as
    """

    tensor: str
    base: int
    first_channel: int
    channels: int
    height: int
    width: int
    row_words: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    pad_value: int

    @property
    def channel_pitch(self) -> int:
        """Words from channel to channel."""
        return self.height * self.row_words

    def fields(self, lanes: int) -> dict[str, int]:
        """The segment as a record of the program format."""
        origin = (
            self.base + self.first_channel * self.channel_pitch - self.padding[0] * self.row_words
        )
        return {
            "origin": origin % 2**16,
            "channel_pitch": self.channel_pitch,
            "row_step": self.stride[0] * self.row_words,
            "row_words": self.row_words,
            "channels": self.channels,
            "height": self.height,
            "kernel_height": self.kernel[0],
            "kernel_width": self.kernel[1],
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
            "stride_x": self.stride[1],
            "stride_y": self.stride[0],
            "last_valid": (self.width - 1) % lanes + 1,
            "pad_value": self.pad_value,
        }


@dataclass(frozen=True)
class Window:
    """One window of a segment, the same for every tile.

    Attributes
    ----------
    channel : counted from the segment's first channel
    row : kernel row
    base : first kernel tap; tap t of the window is kernel column base + stride * t
    taps : 1..TAPS
    channel_last : whether it is the last window of its channel
    """

    channel: int
    row: int
    base: int
    taps: int
    channel_last: bool


def row_bases(kernel_width: int, stride: int) -> list[tuple[int, int]]:
    """(base, taps) of the windows that cover one kernel row."""
    return [
        (base, min(TAPS, -(-(kernel_width - base) // stride)))
        for phase in range(min(stride, kernel_width))
        for base in range(phase, kernel_width, TAPS * stride)
    ]


def windows(segment: Segment) -> Iterator[Window]:
    """All windows of a segment in the order of the hardware."""
    bases = row_bases(segment.kernel[1], segment.stride[1])
    for channel in range(segment.channels):
        for row in range(segment.kernel[0]):
            for index, (base, taps) in enumerate(bases):
                last = row == segment.kernel[0] - 1 and index == len(bases) - 1
                yield Window(channel, row, base, taps, last)


def word_range(segment: Segment, window: Window, y: int, x: int, lanes: int) -> tuple[int, int]:
    """First and last word of a row that a window reads, for element (y, x) at tap 0 of lane 0.

    Last is below first where nothing is read: the row lies outside the tensor, or no element of
    the window lies inside the row.
    """
    if not 0 <= y < segment.height:
        return 0, -1
    first = x // lanes
    last = (x + segment.stride[1] * (lanes - 1 + window.taps - 1)) // lanes
    return max(first, 0), min(last, segment.row_words - 1)
