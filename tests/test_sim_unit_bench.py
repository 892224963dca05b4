"""The bench of arithmetic units: toggles and results by net, counters that disagree, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.errors import MismatchError, ToolError
from pann_hw.power.accumulator import Accumulator
from pann_hw.power.mac import Mac
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.nets import as_signed
from pann_hw.power.products import KINDS
from pann_hw.power.unit import Unit
from sim import unit_bench
from sim.coverage import read_coverage
from sim.saif import read_saif
from sim.unit_bench import run_units
from tests.unit_simulation import assert_flips, random_stimulus

MULTIPLIERS = [Multiplier(kind, 4, 3) for kind in KINDS]
SIGNED, UNSIGNED = Accumulator(5, 16, True), Accumulator(9, 63, False)
MAC = Mac("booth", 3, 4, 24)
UNITS: list[Unit] = [*MULTIPLIERS, SIGNED, UNSIGNED, MAC]


def test_flips_are_those_of_the_trace_in_every_run(rng: np.random.Generator) -> None:
    """Stimuli of any length, from any first cycle, for all units or some."""
    longer = {unit.name: random_stimulus(unit, 100 + 50 * i, rng) for i, unit in enumerate(UNITS)}
    shorter = {unit.name: random_stimulus(unit, 30, rng) for unit in UNITS[::2]}
    stimuli = [longer, shorter, longer, {}]
    for given, runs in zip(stimuli, run_units(UNITS, stimuli), strict=True):
        assert runs.keys() == given.keys()
        for unit in UNITS:
            if unit.name in given:
                assert_flips(unit, given[unit.name], runs[unit.name])
                assert runs[unit.name].outputs == {}


def test_a_single_cycle_flips_nothing() -> None:
    ones = {unit.name: {port: np.ones(1, np.int64) for port in unit.ports} for unit in UNITS}
    for run in run_units(UNITS, [ones])[0].values():
        assert not any(flips.any() for flips in run.flips.values())


def test_outputs_stand_beside_their_cycle(rng: np.random.Generator) -> None:
    stimuli = {unit.name: random_stimulus(unit, 90 + i, rng) for i, unit in enumerate(UNITS)}
    runs = run_units(UNITS, [stimuli], outputs=True)[0]
    for multiplier in MULTIPLIERS:
        x, w = stimuli[multiplier.name]["x"], stimuli[multiplier.name]["w"]
        if multiplier.signed:
            x, w = as_signed(x, 4), as_signed(w, 3)
        expected = x * w & 127
        np.testing.assert_array_equal(runs[multiplier.name].outputs["product"], expected)
    for accumulator in (SIGNED, UNSIGNED):
        given, register, values = stimuli[accumulator.name], 0, []
        for addend, load, enable in zip(*(given[port].tolist() for port in given), strict=True):
            values.append(register)
            if accumulator.signed and addend >= 16:
                addend -= 32
            register = 0 if load else register + addend * enable
        assert runs[accumulator.name].outputs["value"].tolist() == values


def test_toggles_are_reported_where_the_counters_disagree(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tampered(path: Path) -> dict[str, np.ndarray]:
        counts = read_saif(path)
        if path.name == "run.saif":
            counts[f"TOP.unit_bench.{SIGNED.name}.sum"][[3, 7]] += 1
            counts[f"TOP.unit_bench.{MAC.name}.register"][0] -= 1
        return counts

    given = random_stimulus(SIGNED, 100, rng)
    count = run_units(UNITS, [{SIGNED.name: given}])[0][SIGNED.name].flips["sum"][3]
    bits = sum(
        width
        for unit in UNITS
        for _, width, _ in unit.trace(random_stimulus(unit, 1, rng)).values()
    )
    monkeypatch.setattr(unit_bench, "read_saif", tampered)
    with pytest.raises(MismatchError) as caught:
        run_units(UNITS, [{SIGNED.name: given}])
    assert str(caught.value) == (
        f"toggles of 3 of {bits} bits differ, first {SIGNED.name}.sum[3]: "
        f"{count} by coverage, {count + 1} by SAIF"
    )


@pytest.mark.parametrize(("left", "message"), [(0, "has 0 bits of"), (2, "has 2 bits of")])
def test_a_net_that_is_not_counted_is_an_error(
    left: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(path: Path) -> dict[str, np.ndarray]:
        counts = read_coverage(path)
        net = f"TOP.unit_bench.{MAC.name}.x"
        counts[net] = counts[net][:left]
        return counts

    monkeypatch.setattr(unit_bench, "read_coverage", without)
    with pytest.raises(ToolError, match=rf"coverage {message} {MAC.name}\.x, must have 3"):
        run_units(UNITS, [{}])


ZEROS = np.zeros(3, np.int64)
PORTS = {"x": ZEROS, "w": ZEROS}


@pytest.mark.parametrize(
    ("stimuli", "message"),
    [
        ({"adder": PORTS}, r"stimulus of adder: no such unit, must be in \['multiplier_array_4x3'"),
        ({"x": ZEROS}, r"is for \['x'\], must be for \['x', 'w'\]"),
        ({**PORTS, "load": ZEROS}, r"is for \['x', 'w', 'load'\], must be for \['x', 'w'\]"),
        ({"x": ZEROS, "w": ZEROS[1:]}, r"shapes \[\(2,\), \(3,\)\], must be one of \(cycles,\)"),
        ({"x": ZEROS[:0], "w": ZEROS[:0]}, r"shapes \[\(0,\)\], must be one"),
        ({"x": ZEROS[None], "w": ZEROS[None]}, r"shapes \[\(1, 3\)\], must be one"),
        ({"x": ZEROS, "w": ZEROS / 2}, "w is float64, must be integers"),
        ({"x": ZEROS, "w": ZEROS + 8}, r"w = 8, must be 0\.\.7"),
        ({"x": ZEROS - 1, "w": ZEROS}, r"x = -1, must be 0\.\.15"),
        ({"x": ZEROS, "w": ZEROS + 5}, "w ends with 5 before others do, must end with 0"),
    ],
)
def test_stimuli_are_checked(stimuli: dict[str, object], message: str) -> None:
    name = MULTIPLIERS[0].name
    given: dict[str, object] = stimuli if "adder" in stimuli else {name: stimuli}
    longer = {port: np.zeros(9, np.int64) for port in MAC.ports}
    with pytest.raises(ValueError, match=message) as caught:
        run_units(UNITS, [{MAC.name: longer, **given}])  # type: ignore[dict-item]  # wrong ones
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("units", "message"),
    [([], "units: none, must be at least one"), ([MAC, SIGNED, MAC], "mac_.* more than once")],
)
def test_units_are_checked(units: list[Unit], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_units(units, [])
