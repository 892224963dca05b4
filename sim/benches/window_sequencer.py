"""The window sequencer against the enumeration that compiler and interpreter use."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb

from pann_hw.program.windows import Segment, windows
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, get
from sim.benches.units import CONFIG, unit_ports

__all__ = ["every_kernel", "random_segment", "two_segments"]

Request = tuple[int, int, int, int, int, int]
"""(address, inside, x, taps, segment, channel_last)."""

_FIELDS = ("address", "inside", "x", "taps", "segment", "channel_last")


def random_segment(kernel: tuple[int, int] | None = None, stride_x: int | None = None) -> Segment:
    """A tensor with a window operator of that kernel and stride, or of any."""
    kernel = kernel or (random.randint(1, 7), random.randint(1, 7))
    width = random.randint(1, 20)
    return Segment(
        tensor="",
        base=random.randrange(1 << 15),
        first_channel=random.randint(0, 2),
        channels=random.randint(1, 3),
        height=random.randint(1, 9),
        width=width,
        row_words=-(-width // CONFIG.lanes),
        kernel=kernel,
        stride=(random.randint(1, 4), stride_x or random.randint(1, CONFIG.max_stride)),
        padding=(random.randint(0, kernel[0] - 1), random.randint(0, kernel[1] - 1)),
        pad_value=random.randrange(256),
    )


def _requests(segments: list[Segment], row: int, tile: int) -> Iterator[Request]:
    """The windows of one tile, by multiplications where the hardware adds."""
    for index, segment in enumerate(segments):
        for window in windows(segment):
            y = row * segment.stride[0] - segment.padding[0] + window.row
            channel = segment.first_channel + window.channel
            word = segment.base + (channel * segment.height + y) * segment.row_words
            x = tile * CONFIG.lanes * segment.stride[1] - segment.padding[1] + window.base
            inside = int(0 <= y < segment.height)
            yield word % 2**16, inside, x, window.taps, index, int(window.channel_last)


async def _check_pass(
    ports: Ports, segments: list[Segment], rows: int, tiles: int, pauses: str, cut: float
) -> None:
    """All tiles of a pass; a share ``cut`` of them is left for the next one before its end."""
    fields = [segment.fields(CONFIG.lanes) for segment in segments]
    item = {"two_segments": len(segments) - 1, "rows": rows, "tiles_per_row": tiles}
    ports.drive(item=item, segments=(fields * 2)[:2], start=1)
    await ports.tick()
    ports.drive(start=0)
    for number in range(rows * tiles):
        if number:
            await ports.tick(random.randint(0, 2))
            ports.drive(next_tile=1)
            await ports.tick()
            ports.drive(next_tile=0)
        expected = list(_requests(segments, *divmod(number, tiles)))
        taken = len(expected) if random.random() >= cut else random.randint(0, len(expected))
        words = await get(ports, "o", taken, PAUSES[pauses]())
        layout = ports.shape("o__payload")
        records = [layout.from_bits(word) for word in words]
        found = [tuple(int(record[name]) for name in _FIELDS) for record in records]
        assert found == expected[:taken], f"tile {number} of {segments}"
        assert ports.read("o__valid") == (taken < len(expected))


@bench_test
async def every_kernel(dut: Any) -> None:
    """Kernels of 1 to 7 columns by strides of 1 to 4, without a pause: one request per cycle."""
    ports = unit_ports(dut, "window_sequencer")
    await ports.begin()
    for width in range(1, 8):
        for stride in range(1, CONFIG.max_stride + 1):
            segment = random_segment((random.randint(1, 7), width), stride)
            await _check_pass(ports, [segment], 2, 2, "never", 0)


@bench_test
@cocotb.parametrize(pauses=list(PAUSES))
async def two_segments(dut: Any, pauses: str) -> None:
    """Passes of one or two segments, with tiles that end early."""
    ports = unit_ports(dut, "window_sequencer")
    await ports.begin()
    for _ in range(6):
        segments = [random_segment() for _ in range(random.randint(1, 2))]
        rows, tiles = random.randint(1, 3), random.randint(1, 3)
        await _check_pass(ports, segments, rows, tiles, pauses, 0.3)
