"""Lane grids: every pixel has one place, in halved grids and transposed ones too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pann_hw.program.grid import Grid


def random_grid(rng: np.random.Generator) -> tuple[Grid, int]:
    """A grid over so many lanes, of which all blocks together hold the map."""
    columns, strips = 2 ** int(rng.integers(0, 5)), int(rng.integers(1, 9))
    rows, steps = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    height = int(rng.integers(1, strips * rows + 1))
    width = int(rng.integers(1, columns * steps + 1))
    return Grid(height, width, columns, rows, steps), columns * strips


def test_every_pixel_is_in_one_word_and_lane(rng: np.random.Generator) -> None:
    for _ in range(300):
        grid, lanes = random_grid(rng)
        places = [
            (word, *place) for word in range(grid.rows * grid.steps) for place in grid.lanes(word)
        ]
        assert grid.words == grid.rows * grid.steps
        assert sorted((y, x) for *_, y, x in places) == list(np.ndindex(grid.height, grid.width))
        assert len({(word, lane) for word, lane, *_ in places}) == len(places)
        for word, lane, y, x in places:
            assert 0 <= lane < lanes
            assert word == y % grid.rows * grid.steps + x % grid.steps
            assert lane == y // grid.rows * grid.columns + x // grid.steps
        for word in range(grid.words):
            found = [lane for lane, *_ in grid.lanes(word)]
            assert found == sorted(found)


def test_ends_of_a_grid(rng: np.random.Generator) -> None:
    for _ in range(300):
        grid, _ = random_grid(rng)
        strips = {y // grid.rows for y in range(grid.height)}
        columns = {x // grid.steps for x in range(grid.width)}
        assert (grid.strips, grid.columns_used) == (len(strips), len(columns))
        last_rows = [y for y in range(grid.height) if y // grid.rows == max(strips)]
        last_steps = [x for x in range(grid.width) if x // grid.steps == max(columns)]
        assert (grid.last_rows, grid.last_steps) == (len(last_rows), len(last_steps))


def test_a_halved_grid_takes_every_other_lane(rng: np.random.Generator) -> None:
    """Of a group of lanes, the even ones' pixels are in one word, and the odd ones' in another."""
    checked = 0
    while checked < 200:
        grid, lanes = random_grid(rng)
        if grid.columns < 2 or grid.rows % 2:
            continue
        half = grid.halved()
        assert half.words == grid.words
        places = {(y, x): (w, lane) for w in range(half.words) for lane, y, x in half.lanes(w)}
        assert sorted(places) == list(np.ndindex(grid.height, grid.width))
        for word in range(grid.words):
            row, step = divmod(word, grid.steps)
            for lane, y, x in grid.lanes(word):
                phase = lane % 2
                found, place = places[y, x]
                assert found == row % half.rows * half.steps + phase * grid.steps + step
                assert (2 * place + phase) % grid.columns == lane % grid.columns
                assert place // grid.columns == lane // grid.columns
                assert place % grid.columns >= half.columns or row < half.rows
                assert place < lanes
        checked += 1


def test_a_transposed_map_lies_as_the_other_one_does(rng: np.random.Generator) -> None:
    for _ in range(100):
        grid, _ = random_grid(rng)
        other = replace(grid, transposed=True)
        assert grid.size == (grid.height, grid.width) == other.size[::-1]
        for word in range(grid.words):
            assert other.lanes(word) == [(lane, x, y) for lane, y, x in grid.lanes(word)]


def test_places_are_those_of_the_lanes(rng: np.random.Generator) -> None:
    for transposed in (False, True):
        grid = replace(random_grid(rng)[0], transposed=transposed)
        row, column = (axis.ravel() for axis in np.indices(grid.size))
        words, lanes = grid.place(row, column)
        for pixel in range(len(row)):
            place = (int(lanes[pixel]), int(row[pixel]), int(column[pixel]))
            assert place in grid.lanes(int(words[pixel]))
