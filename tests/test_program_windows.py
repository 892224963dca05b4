"""Windows: every tap of every kernel once, within reach of the lanes, and every word they touch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pann_hw.program.layout import SEGMENT, TAPS, pack
from pann_hw.program.windows import Segment, row_bases, windows, word_range

KERNELS, STRIDES = range(1, 10), range(1, 5)


def segment(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    size: tuple[int, int] = (9, 9),
    padding: tuple[int, int] = (0, 0),
    row_words: int = 2,
) -> Segment:
    return Segment("t", 40, 1, 2, *size, row_words, kernel, stride, padding, 3)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_tap_once(kernel: int, stride: int) -> None:
    found = Counter(
        (window.channel, window.row, window.base + stride * tap)
        for window in windows(segment((3, kernel), (1, stride)))
        for tap in range(window.taps)
    )
    taps = [(c, row, column) for c in range(2) for row in range(3) for column in range(kernel)]
    assert found == Counter(taps)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_windows_are_few_and_within_reach(kernel: int, stride: int) -> None:
    bases = row_bases(kernel, stride)
    assert all(1 <= taps <= TAPS and 0 <= base < kernel for base, taps in bases)
    # Taps of one window are a stride apart, so each phase of the stride needs windows of its own.
    phases = [len(range(phase, kernel, stride)) for phase in range(min(stride, kernel))]
    assert len(bases) == sum(-(-taps // TAPS) for taps in phases)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_order_and_end_of_channels(kernel: int, stride: int) -> None:
    found = list(windows(segment((3, kernel), (2, stride))))
    assert [(w.channel, w.row) for w in found] == sorted((w.channel, w.row) for w in found)
    last = [index for index, window in enumerate(found) if window.channel_last]
    ends = [i for i, w in enumerate(found) if found[i + 1 : i + 2] == [] or
            found[i + 1].channel != w.channel]  # fmt: skip
    assert last == ends


def test_words_that_a_window_touches(rng: np.random.Generator) -> None:
    for _ in range(2000):
        lanes = int(rng.choice([4, 8, 16]))
        width, height = int(rng.integers(1, 60)), int(rng.integers(1, 6))
        kernel, stride = int(rng.integers(1, 8)), int(rng.integers(1, 5))
        item = segment((1, kernel), (1, stride), (height, width), row_words=-(-width // lanes))
        y, x = int(rng.integers(-3, 9)), int(rng.integers(-40, 70))
        for window in windows(item):
            first, last = word_range(item, window, y, x, lanes)
            positions = [x + stride * (lane + tap) for lane in range(lanes)
                         for tap in range(window.taps)]  # fmt: skip
            touched = {p // lanes for p in positions if 0 <= p // lanes < item.row_words}
            expected = sorted(touched) if 0 <= y < height else []
            assert list(range(first, last + 1)) == expected


def test_fields_fit_the_record(rng: np.random.Generator) -> None:
    item = segment((5, 7), (3, 2), (9, 13), (2, 3), row_words=4)
    fields = item.fields(4)
    pack(SEGMENT, fields)
    assert fields["channel_pitch"] == 9 * 4
    assert fields["origin"] == 40 + 1 * 36 - 2 * 4
    assert fields["row_step"] == 3 * 4
    assert fields["last_valid"] == 1
    assert segment((1, 1), (1, 1), (9, 16), row_words=4).fields(4)["last_valid"] == 4


def test_origin_above_the_memory_wraps() -> None:
    item = Segment("t", 0, 0, 1, 4, 4, 3, (3, 3), (1, 1), (2, 2), 0)
    assert item.fields(4)["origin"] == 2**16 - 6
