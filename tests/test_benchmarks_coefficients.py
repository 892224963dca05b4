"""The benchmark of default coefficients: the fit, its tables, what it keeps and writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import pann_hw.energy
from benchmarks import coefficients_run, libraries
from benchmarks.coefficients import main
from benchmarks.coefficients_designs import DESIGNS, Design
from benchmarks.coefficients_run import Measured, Store, measure
from benchmarks.coefficients_tables import ASKED, Fitted, fitted, tables, write_coefficients
from pann_hw.energy.classes import CLASSES
from pann_hw.energy.coefficients import Count
from pann_hw.errors import InputError


def _measured(rng: np.random.Generator, toggle: float, pulse: float, scale: float) -> Measured:
    counts = {
        name: Count(*(scale * rng.uniform(1, 1000, 4) * [1, 1, 1, 0.1]).tolist())
        for name in CLASSES
    }
    return Measured(
        counts,
        float(rng.uniform(1, 100)),
        {name: toggle * count.toggles for name, count in counts.items()},
        {name: pulse * count.pulses for name, count in counts.items()},
        {name: toggle * count.settled for name, count in counts.items()},
        2.0 * sum(count.area for count in counts.values()),
        3.0 * sum(count.area for count in counts.values()),
        1.0,
    )


def _fitted(rng: np.random.Generator, *, wrong: float = 1.0) -> Fitted:
    # What is only checked takes `wrong` times what the others' coefficients say.
    measured = {}
    for design in DESIGNS:
        factor = 1.0 if design.fitted else wrong
        measured[design] = _measured(rng, 7 * factor, 45 * factor, 5)
    return fitted("sky130", measured)


def test_designs_cover_what_is_asked() -> None:
    assert len({design.name for design in DESIGNS}) == len(DESIGNS)
    used = [design for design in DESIGNS if design.fitted]
    held = [design for design in DESIGNS if not design.fitted]
    assert len(used) >= 2
    for what in (
        lambda design: design.network,
        lambda design: design.hardware.lanes,
        lambda design: (design.hardware.lane, design.hardware.rails, design.hardware.terms),
    ):
        assert {what(design) for design in held} - {what(design) for design in used}
    assert len({(design.network, design.hardware) for design in DESIGNS}) == len(DESIGNS)


def test_exact_data_give_exact_coefficients(rng: np.random.Generator) -> None:
    found = _fitted(rng)
    got = found.coefficients
    assert [got.toggle, got.pulse] == pytest.approx([7, 45])
    assert [got.leakage, got.area] == pytest.approx([2, 3])
    assert all(found.error(design) == pytest.approx(0) for design in DESIGNS)
    assert not found.missed
    assert max(abs(found.flip_error(design)) for design in DESIGNS) > ASKED


def test_designs_that_are_predicted_badly_are_told(rng: np.random.Generator) -> None:
    found = _fitted(rng, wrong=1.25)
    held = [design for design in DESIGNS if not design.fitted]
    assert [found.error(design) for design in held] == pytest.approx([-0.2] * len(held))
    assert len(found.missed) == len(held)
    assert f"sky130: {held[0].name}: error -20.0 %, asked 10 %" in found.missed


def test_tables(rng: np.random.Generator) -> None:
    found = _fitted(rng)
    first, second = tables([found])
    assert first.rows[0][:3] == ("sky130", "7", "45")
    assert [row[0] for row in second.rows] == [design.name for design in DESIGNS]
    assert {row[1] for row in second.rows} == {"the fit", "the check"}
    assert len(found.plain()["designs"]) == len(DESIGNS)


def test_what_is_written_is_what_the_package_reads(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pann_hw.energy, "__file__", str(tmp_path / "x.py"))
    write_coefficients([_fitted(rng)], "a command")
    content = json.loads((tmp_path / "coefficients.json").read_text())
    assert content["made_by"] == "a command --write"
    assert content["fitted_to"] == [design.name for design in DESIGNS if design.fitted]
    written = content["technologies"]["sky130"]
    assert written == pytest.approx({"toggle": 7, "pulse": 45, "leakage": 2, "area": 3}, rel=1e-4)


def test_finished_designs_are_not_measured_again(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, calls = _measured(rng, 7, 45, 1), []

    def generic(design: Design) -> dict[str, object]:
        calls.append("generic")
        counts = {name: asdict(count) for name, count in wanted.counts.items()}
        return {"counts": counts, "flips": wanted.flips}

    def full(design: Design, technology: str) -> dict[str, object]:
        calls.append(technology)
        return {
            name: value for name, value in asdict(wanted).items() if name not in ("counts", "flips")
        }

    monkeypatch.setattr(coefficients_run, "_generic", generic)
    monkeypatch.setattr(coefficients_run, "_full", full)
    path = tmp_path / "kept.json"
    for technology in ("sky130", "asap7", "sky130"):
        assert measure(DESIGNS[0], technology, Store(path)) == wanted
    assert calls == ["generic", "sky130", "asap7"]
    measure(DESIGNS[1], "sky130", Store(path))
    measure(DESIGNS[0], "sky130", Store(path, fresh=True))
    assert calls[3:] == ["generic", "sky130"] * 2


def test_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        Store(tmp_path / "bad.json")
    assert main(["--technologies", "tsmc"]) == 2
    assert main(["--technologies", "sky130", "--write"]) == 2
    assert "'tsmc' must be one of sky130" in capsys.readouterr().err
    monkeypatch.setattr(libraries, "PDK", tmp_path)
    assert main(["--output", str(tmp_path / "kept.json")]) == 0
    assert "sky130: skipped, no Liberty files in" in capsys.readouterr().err
