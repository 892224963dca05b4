"""Measuring, with software in Verilator's place: what is measured, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pytest

from pann_hw.errors import InputError, MismatchError
from pann_hw.power.catalogue import Entry
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.source import Source
from pann_hw.power.unit import Stimulus, Unit
from pann_hw.report import unit_measure
from pann_hw.report.unit_measure import Job, entries_of, measure
from sim.unit_bench import UnitRun
from tests.unit_reports import JOB, WIDTHS, small_sources, software_runs

Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def software(monkeypatch: pytest.MonkeyPatch) -> None:
    """Software in Verilator's place."""
    monkeypatch.setattr(unit_measure, "run_units", software_runs)


def test_measurements_are_the_units_own(software: None, seed: int) -> None:
    sources = small_sources(seed)
    found = {(item.unit, item.source): item for item in measure(JOB, sources)}
    for entry in entries_of(JOB):
        for source in sources:
            unit, operands = entry.unit, entry.operands(source)
            item = found[unit.name, source.name]
            statistics = unit.measure(operands)
            assert item.formula == unit.formula()
            assert item.counted == pytest.approx(unit.count(operands))
            assert item.predicted == unit.predict(statistics)
            assert item.independent == unit.predict(
                {
                    name: statistics[name].independent_bits(signed=signed)
                    for name, (_, signed) in unit.operands.items()
                }
            )
            trace = unit.trace(unit.stimulus(operands))
            assert item.nets == len(trace)
            assert item.net_bits == sum(width for _, width, _ in trace.values())
            assert item.operations == unit.operations(operands)


def test_wide_operands_have_no_independent_bits(software: None) -> None:
    job = Job(6, WIDTHS, 2.0, ("accumulator_*_16", "multiplier_array_6x6"))
    for item in measure(job, small_sources()):
        assert (item.independent is None) == (item.group == "accumulator")


def test_a_unit_that_comes_again_gets_a_run_of_its_own(
    software: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = Multiplier("array", 4, 4)
    wide, narrow, again = (
        Entry(unit, group, partial(Source.products, x_bits=4, w_bits=w_bits, signed=False))
        for group, w_bits in (("wide", 4), ("narrow", 2), ("again", 4))
    )
    monkeypatch.setattr(unit_measure, "catalogue", lambda *_: [wide, narrow, again])
    found = measure(Job(2, WIDTHS, 2.0), small_sources())
    assert [(item.group, item.source) for item in found] == [
        (group, source)
        for group in ("wide", "narrow", "again")
        for source in ("uniform", "gaussian")
    ]
    for item in found:
        source = small_sources()[item.source == "gaussian"]
        operands = (narrow if item.group == "narrow" else wide).operands(source)
        assert item.counted == pytest.approx(unit.count(operands))


def test_a_net_that_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(
        units: Sequence[Unit], stimuli: Sequence[Mapping[str, Stimulus]]
    ) -> list[dict[str, UnitRun]]:
        runs = software_runs(units, stimuli)
        flips = runs[-1]["mac_array_2x2_into_16"].flips["register"]
        flips[3] += 2
        flips[5] -= 1
        return runs

    monkeypatch.setattr(unit_measure, "run_units", wrong)
    with pytest.raises(MismatchError) as raised:
        measure(JOB, small_sources())
    [entry] = [each for each in entries_of(JOB) if each.unit.name.startswith("mac")]
    software = _register_flips(entry.unit, entry.operands(small_sources()[0]))
    assert str(raised.value) == (
        "mac_array_2x2_into_16 on uniform data: net register, bit 3: "
        f"{software[3] + 2} flips counted in Verilator, {software[3]} in software; "
        "2 of 16 bits differ"
    )


def _register_flips(unit: Unit, operands: Mapping[str, np.ndarray]) -> np.ndarray:
    _, _, values = unit.trace(unit.stimulus(operands))["register"]
    bits = values[:, None] >> np.arange(16) & 1
    flips: np.ndarray = np.abs(np.diff(bits, axis=0)).sum(0)
    return flips


def test_units_by_group_or_name() -> None:
    def names(*patterns: str) -> set[str]:
        return {entry.unit.name for entry in entries_of(Job(4, (24,), 2.0, patterns))}

    assert names("residual") == {"residual_add_4"}
    assert names("mac") == {
        f"mac_{kind}_4x4_into_24" for kind in ("array", "baugh_wooley", "booth")
    }
    assert names("mac_booth*", "residual") == {
        "residual_add_4", "mac_booth_4x4_into_24", "mac_booth_8x4_into_24", "mac_booth_8x8_into_24",
    }  # fmt: skip
    assert names("nothing") == set()
    assert names("*") >= names("pann")


def test_bad_parameters(software: None) -> None:
    with pytest.raises(InputError, match=r"x_bits = 9: must be 2\.\.8"):
        entries_of(Job(9, (24,), 2.0))
    with pytest.raises(InputError, match="accumulator_width = 7: too narrow"):
        entries_of(Job(4, (7,), 2.0))


def test_data_that_a_unit_cannot_take(software: None) -> None:
    class Constant(Source):
        name = "constant"

        def _products(self, x_bits: int, w_bits: int, signed: bool) -> Pair:
            return np.ones(self.shape, np.int64), np.ones(self.shape, np.int64)

        _weighted = _sums = _windows = _pairs = None  # type: ignore[assignment]

    Constant.__abstractmethods__ = frozenset()
    job = Job(2, (16,), 2.0, ("multiplier_array*",))
    with pytest.raises(InputError, match="multiplier_array_2x2 on constant data: x is constant"):
        measure(job, [Constant()])
    job = Job(8, (16,), 100.0, ("requantiser",))
    with pytest.raises(InputError, match=r"requantiser_16.* on uniform data: width = 16: sums"):
        measure(job, small_sources())
