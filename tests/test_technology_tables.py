"""Units and templates of a small library."""

from __future__ import annotations

import numpy as np
import pytest
from liberty.parser import parse_liberty
from liberty.types import Group

from pann_hw.technology.library import Table
from pann_hw.technology.tables import Tables, attribute, mean, number
from tests.liberty_text import HEAD, text


def _group(inside: str) -> Group:
    return parse_liberty(inside)


def _tables(head: str = HEAD) -> Tables:
    return Tables(_group(text({}, head)))


def test_units() -> None:
    tables = _tables()
    assert tables.capacitance_unit == 1000.0
    assert tables.time_unit == pytest.approx(1000.0)
    assert tables.energy_unit == pytest.approx(1000.0)
    assert tables.leakage_unit == pytest.approx(1e-3)
    assert tables.voltage == 0.9
    assert tables.ground == {"VSS"}


@pytest.mark.parametrize(
    ("before", "after", "name", "expected"),
    [
        ("(1, pf)", "(10, ff)", "capacitance_unit", 10.0),
        ("(1, pf)", "(1.0, FF)", "energy_unit", 1.0),
        ('voltage_unit : "1V"', 'voltage_unit : "100mV"', "energy_unit", 10.0),
        ('time_unit : "1ns"', "time_unit : 10ps", "time_unit", 10.0),
        ('leakage_power_unit : "1pW"', 'leakage_power_unit : "1uW"', "leakage_unit", 1000.0),
        ("operating_conditions (typical) { voltage : 0.9;", "x (y) {", "voltage", 0.9),
        ("{ voltage : 0.9;", "{ voltage : 0.8;", "voltage", 0.8),
    ],
)
def test_other_units(before: str, after: str, name: str, expected: float) -> None:
    assert before in HEAD
    assert getattr(_tables(HEAD.replace(before, after)), name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("capacitive_load_unit (1, pf);", "", "no capacitive_load_unit"),
        ("(1, pf)", "(1, nf)", "must be ff or pf"),
        ('"1pW"', '"many"', "leakage_power_unit"),
        ('"1pW"', '"1xW"', "xW is no unit"),
        ("0.9;", "0;", "no supply voltage"),
    ],
)
def test_bad_units(before: str, after: str, message: str) -> None:
    assert before in HEAD
    with pytest.raises(ValueError, match=message):
        _tables(HEAD.replace(before, after))


def test_both_orders_of_axes_are_one() -> None:
    tables = _tables()
    plain = tables.delay(_group('cell_rise (delay) { values ("1, 3, 5", "2, 4, 6"); }'))
    turned = tables.delay(_group('cell_rise (turned) { values ("1, 2", "3, 4", "5, 6"); }'))
    assert plain.slews == turned.slews == pytest.approx((10.0, 30.0))
    assert plain.loads == turned.loads == pytest.approx((1.0, 2.0, 4.0))
    assert np.array_equal(plain.values, turned.values)
    assert plain.at(30.0, 1.0) == pytest.approx(2000.0)


def test_axes_of_the_table_itself_come_first() -> None:
    table = _tables().energy(
        _group('rise_power (input_energy) { index_1 ("0.1, 0.2, 0.4"); values ("1, 2, 3"); }')
    )
    assert table.slews == pytest.approx((100.0, 200.0, 400.0))
    assert table.loads == (0.0,)
    assert table.values.ravel() == pytest.approx([1000.0, 2000.0, 3000.0])


def test_scalars() -> None:
    tables = _tables()
    for inside in ('rise_power (scalar) { values ("0.5"); }', "x (scalar) { values (0.5); }"):
        assert tables.energy(_group(inside)).at(3.0, 4.0) == pytest.approx(500.0)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ('x (delay) { values ("1, 2"); }', "2 values for 2 slews and 3 loads"),
        ('x (delay) { values ("1, b"); }', "could not convert"),
        ('x (hold) { values ("1, 2", "3, 4"); }', "over related_pin_transition are not"),
        ('x (none) { values ("1, 2"); }', "no template none"),
        ('x (scalar) { values ("1, 2"); }', "2 values in a scalar"),
        (
            'x (input_energy) { index_1 ("0.2, 0.1"); values ("1, 2"); }',
            "index_1 of x does not rise",
        ),
    ],
)
def test_bad_tables(inside: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _tables().delay(_group(inside))


def test_a_mean_has_the_weights_and_the_finer_axes() -> None:
    fine = Table((1.0, 2.0), (1.0,), np.array([[2.0], [4.0]]))
    found = mean([Table.constant(8.0), fine], [1.0, 3.0])
    assert found.slews == (1.0, 2.0)
    assert found.values.ravel() == pytest.approx([3.5, 5.0])


def test_attributes() -> None:
    group = _group('x (y) { a : "text"; b : 1.5; c : 1.5; c : 2; d : word; }')
    assert [attribute(group, name) for name in "abcde"] == ["text", "1.5", "1.5", "word", ""]
    assert number(group, "b", 0.0) == 1.5
    assert number(group, "e", 7.0) == 7.0
    with pytest.raises(ValueError, match="d = 'word' is no number"):
        number(group, "d", 0.0)
