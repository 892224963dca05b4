"""Windows: every tap of every kernel once, and every element where a naive gather finds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import MaxPool, Source, Tensor
from pann_hw.program.compile import compile_network
from pann_hw.program.grid import Grid
from pann_hw.program.layout import SEGMENT, pack
from pann_hw.program.program import Pass
from pann_hw.program.windows import CENTRE, Segment, pairs, tap_groups, tap_pairs
from tests.random_networks import (
    feature_map_network,
    random_config,
    random_network,
    residual_network,
)

KERNELS = range(1, 10)


def segment(
    kernel: tuple[int, int],
    padding: tuple[int, int],
    banks: int,
    *,
    steps: int,
    share: bool,
    by_rows: bool = False,
) -> Segment:
    grid = Grid(9, 4 * steps, 4, 3, steps)
    return Segment("t", 40, 4, 8, grid, kernel, (1, 1), padding, 3, banks, share, by_rows=by_rows)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_tap_once_and_groups_of_channels(kernel: int, steps: int, share: bool) -> None:
    for padding in range(5):
        for banks in (1, 2, 4):
            item = segment((3, kernel), (1, padding), banks, steps=steps, share=share)
            found = list(item.window_list())
            taps = Counter((w.channel, w.row, column) for w in found for _, column in w.taps)
            assert taps == Counter(np.ndindex(8, 3, kernel))
            assert len(found) == item.windows
            # Banks give a window each, of channels one after another, from the same place.
            assert item.groups == 8 // banks
            for first in range(0, len(found), banks):
                group = found[first : first + banks]
                channels = [w.channel for w in group]
                assert channels == list(range(channels[0], channels[0] + banks))
                assert channels[0] % banks == 0
                assert len({(w.row, w.column, w.taps) for w in group}) == 1
            order = [(w.channel // banks, w.row, w.column, w.channel) for w in found]
            assert order == sorted(order)


@pytest.mark.parametrize("kernel", KERNELS)
def test_by_rows_channels_come_last(kernel: int) -> None:
    """The same windows, in the order of kernel row, window of the row, channel."""
    for banks in (1, 2, 4):
        for share in (False, True):
            plain, found = (
                list(
                    segment(
                        (3, kernel), (1, 1), banks, steps=1, share=share, by_rows=by_rows
                    ).window_list()
                )
                for by_rows in (False, True)
            )
            key = attrgetter("row", "column", "channel")
            assert found == sorted(plain, key=key)


def test_cores_of_channels_of_their_own_read_by_rows(rng: np.random.Generator) -> None:
    seen = set()
    for _ in range(60):
        network, _ = random_network(rng, 4)
        for item in compile_network(network, random_config(rng), "unary").passes:
            for one in item.segments:
                seen.add((one.by_rows, item.pool))
                assert not (one.by_rows and item.channels == 1)
    assert seen == {(False, False), (False, True), (True, False)}


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("kernel", KERNELS)
def test_neighbouring_taps_share_a_window(kernel: int, steps: int) -> None:
    """All that read one place of the own block and the ones beside, where that saves a window."""
    for padding in range(12):
        alone = [(column, ((CENTRE, column),)) for column in range(kernel)]
        assert tap_groups(kernel, padding, steps, shared=False) == alone
        near = [column for column in range(kernel) if -steps <= column - padding < 2 * steps]
        groups = tap_groups(kernel, padding, steps, shared=True)
        assert len(groups) == min(kernel, kernel - len(near) + steps)
        assert sorted(k for _, taps in groups for _, k in taps) == list(range(kernel))
        for column, taps in groups:
            for offset, tap in taps:
                assert tap == column + (offset - CENTRE) * steps
                # A neighbour is seen from its own lane only.
                assert offset == CENTRE or 0 <= column - padding < steps


def naive_words(grid: Grid, image: np.ndarray, lanes: int) -> np.ndarray:
    """The words of a channel; lanes without a pixel hold 255, which no image does."""
    words = np.full((grid.words, lanes), 255)
    for (y, x), value in np.ndenumerate(image):
        word = y % grid.rows * grid.steps + x % grid.steps
        words[word, y // grid.rows * grid.columns + x // grid.steps] = value
    return words


def check_gather(item: Pass, lanes: int, rng: np.random.Generator) -> None:
    """Every tap of every output pixel, picked from words and straight from the map."""
    made = item.grid
    for one in item.segments:
        image = rng.integers(0, 255, (one.grid.height, one.grid.width))
        words = naive_words(one.grid, image, lanes)
        windows = [window for window in one.window_list() if window.channel == 0]
        for tile in range(made.words):
            row, step = divmod(tile, made.steps)
            for window in windows:
                word, strips, shift = one.position(row, step, window)
                assert 0 <= word < one.grid.words
                source = one.source_lanes(word, strips, shift, lanes)
                elements = np.where(source < 0, one.pad_value, words[word, source])
                for lane, y, x in replace(made, transposed=False).lanes(tile):
                    column = lane % made.columns
                    for offset, tap in window.taps:
                        beside = offset - CENTRE
                        inside = 0 <= column + beside < made.columns
                        found = elements[lane + beside] if inside else 0
                        at_y = one.stride[0] * y - one.padding[0] + window.row
                        at_x = one.stride[1] * x - one.padding[1] + tap
                        within = 0 <= at_y < one.grid.height and 0 <= at_x < one.grid.width
                        assert found == (image[at_y, at_x] if within else one.pad_value)


def test_elements_are_those_of_a_naive_gather(rng: np.random.Generator) -> None:
    shared = turned = 0
    for index in range(60):
        config = random_config(rng, lanes=int(rng.choice([4, 8, 16])), cores=4)
        if index < 2:
            network, _ = (residual_network, feature_map_network)[index](rng, 3)
        else:
            network, _ = random_network(rng, 4, layers=3)
        program = compile_network(network, config, "unary")
        for item in program.passes:
            check_gather(item, config.lanes, rng)
            for one in item.segments:
                shared += any(len(taps) > 1 for _, taps in one.taps)
                turned += one.grid.rows < one.grid.height
    assert min(shared, turned) > 5


def test_only_zero_padding_is_shared(rng: np.random.Generator) -> None:
    """A neighbour beyond the map adds nothing, so windows with other padding are not shared."""
    config = AcceleratorConfig(activation_words=8192)
    for _ in range(60):
        network, _ = random_network(rng, 4)
        for item in compile_network(network, config, "unary").passes:
            for one in item.segments:
                if one.share and one.pad_value:
                    last = (item.grid.width - 1) * one.stride[1] + one.kernel[1]
                    assert one.padding[1] == 0
                    assert last <= one.grid.width
                assert not (item.pool and one.share)


def test_fields_by_hand() -> None:
    """A 3 x 5 kernel on blocks of 3 x 2 pixels, padded by (1, 3)."""
    item = Segment("t", 40, 4, 8, Grid(8, 7, 4, 3, 2), (3, 5), (2, 1), (1, 3), 9, 2, False)
    fields = item.fields()
    pack(SEGMENT, fields)
    assert fields == {
        "base": 40,
        "pitch": 6,
        "groups": 4,
        "rows": 3,
        "steps": 2,
        "kernel_height": 3,
        "row_windows": 5,
        "next_row": 2,
        "next_strip": 0,
        "next_step": 1,
        "next_lane": 0,
        "first_row": 2,  # row -1 is row 2 of the strip above
        "first_strip": 255,
        "first_address": 4,
        "row_step": 4,
        "first_step": 1,  # column -3 is pixel 1 of the block two lanes to the left
        "first_lane": 254,
        "strips": 3,
        "columns": 4,
        "last_rows": 2,
        "last_steps": 1,
        "shared": 0,
        "pairs": 0,
        "by_rows": 0,
        "pad_value": 9,
    }


def test_strides_over_whole_blocks() -> None:
    """From tile to tile a window may step over blocks: whole strips, or lanes, and what is left."""
    item = Segment("t", 0, 0, 2, Grid(12, 12, 4, 3, 2), (1, 1), (7, 5), (0, 0), 0, 2, False)
    fields = item.fields()
    assert (fields["next_strip"], fields["next_row"]) == (2, 1)
    assert (fields["next_lane"], fields["next_step"]) == (2, 1)
    assert fields["row_step"] == 2


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("kernel", [2, 5, 7, 8])
def test_pairs_cover_every_column_once(kernel: int, steps: int) -> None:
    """Each window has a column of an even lane's block, and that of the next lane's, if any."""
    groups = tap_pairs(kernel, steps)
    assert sorted(column for _, taps in groups for _, column in taps) == list(range(kernel))
    for column, taps in groups:
        assert column // steps % 2 == 0
        assert [offset for offset, _ in taps] == [1, 2][: len(taps)]
        assert [own for _, own in taps] == [column, column + steps][: len(taps)]


def test_pairs_where_one_lane_of_a_row_is_used() -> None:
    """The map's width in one window: not in a maximum, with padding, or within a lane's block."""
    grid = Grid(8, 8, 8, 2, 1)
    source = Source("x", np.ones((1, 1, 8, 8), np.int64))
    assert pairs(source, 1, grid)
    assert not pairs(source, 2, grid)
    assert not pairs(replace(source, padding=(0, 1)), 1, grid)
    assert not pairs(MaxPool(Tensor("y", (1, 1, 1), 4), "x", (8, 8), (1, 1)), 1, grid)
    assert not pairs(source, 1, replace(grid, columns=1, steps=8))
    item = Segment("x", 0, 0, 2, grid, (8, 8), (1, 1), (0, 0), 0, 2, False, pairs=True)
    assert (item.windows, item.fields()["row_windows"], item.fields()["pairs"]) == (64, 4, 1)
    assert item.fields()["shared"] == 0


def test_shared_taps_in_the_fields() -> None:
    """Columns -3 and -2, then the three that share a window, then column 2, beside them, and 3."""
    item = Segment("t", 0, 0, 2, Grid(8, 4, 4, 4, 1), (1, 7), (1, 1), (0, 3), 0, 2, True)
    fields = item.fields()
    assert (fields["row_windows"], fields["shared"], fields["first_lane"]) == (5, 1, 253)
    found = [item.position(0, 0, w)[2] for w in item.window_list() if w.channel == 0]
    assert found == [-3, -2, 0, 2, 3]


def test_taps_of_a_stride_in_the_fields() -> None:
    """A 3 x 3 kernel of stride 2 on blocks two pixels wide: the middle tap, then both others."""
    item = Segment("t", 0, 0, 2, Grid(8, 8, 4, 8, 2), (1, 3), (2, 2), (0, 1), 0, 2, True)
    fields = item.fields()
    assert (fields["row_windows"], fields["shared"]) == (2, 1)
    assert (fields["first_step"], fields["first_lane"]) == (0, 0)
    assert item.taps == [(1, ((1, 1),)), (2, ((0, 0), (1, 2)))]
