"""Tables between and beyond their points, truth tables, and a library's lookup."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.technology.library import Cell, Function, Library, Output, Table


def _plane(slew: float, load: float) -> float:
    return 3 + 2 * slew + 5 * load + 0.5 * slew * load


def test_a_bilinear_table_is_met_everywhere_within_its_slews() -> None:
    slews, loads = (1.0, 2.0, 5.0), (1.0, 4.0, 6.0)
    values = np.array([[_plane(slew, load) for load in loads] for slew in slews])
    table = Table(slews, loads, values)
    for slew in (1.0, 1.5, 2.0, 4.9, 5.0):
        for load in (0.0, 1.0, 2.5, 4.0, 6.0, 60.0):
            assert table.at(slew, load) == pytest.approx(_plane(slew, load))


def test_slews_beyond_the_table_count_as_its_ends() -> None:
    table = Table((1.0, 2.0), (1.0, 3.0), np.array([[1.0, 2.0], [5.0, 9.0]]))
    assert table.at(0.0, 2.0) == table.at(1.0, 2.0) == 1.5
    assert table.at(9.0, 5.0) == table.at(2.0, 5.0) == 13.0


def test_loads_beyond_the_table_continue_its_last_line() -> None:
    table = Table((0.0,), (1.0, 2.0, 4.0), np.array([[1.0, 3.0, 4.0]]))
    assert table.at(7.0, 0.0) == -1.0
    assert table.at(7.0, 8.0) == 6.0


def test_one_axis_and_none() -> None:
    by_slew = Table((1.0, 3.0), (0.0,), np.array([[2.0], [4.0]]))
    assert by_slew.at(2.0, 123.0) == 3.0
    constant = Table.constant(7.0)
    assert constant.at(1.0, 1.0) == 7.0
    assert not constant.zero
    assert Table.constant(0.0).zero


def test_a_function_is_read_bit_by_bit() -> None:
    table = Function(("A", "B"), 0b0100)
    found = [table.value({"A": a, "B": b}) for b in (0, 1) for a in (0, 1)]
    assert found == [0, 0, 1, 0]


def test_an_output_has_its_functions_inputs() -> None:
    assert Output(Function(("A", "B"), 6), (), (), None).inputs == ("A", "B")
    assert Output(None, (), (), None).inputs == ()


def test_an_unknown_cell_names_the_library() -> None:
    cell = Cell("INV", 1.0, 0.0, "logic", False, {}, {})
    library = Library("small", 1.2, {"INV": cell})
    assert library.cell("INV") is cell
    with pytest.raises(InputError, match="NAND9: no cell of the library small, which has 1"):
        library.cell("NAND9")
