"""Small accelerators in the full flow and on generic gates: what default coefficients come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.coefficients_designs import Design, deployment, image
from benchmarks.libraries import FOLDERS, PDK
from pann_hw.energy.coefficients import Count, count, generic_design
from pann_hw.energy.inference import gate_design, inference_energy
from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.integer.run import quantise_input
from pann_hw.machine.flips import FlipPredictor
from pann_hw.technology.known import TECHNOLOGIES
from pann_hw.technology.liberty import read_library

__all__ = ["CLOCK", "Measured", "Store", "measure"]

CLOCK = 1e7
"""Hz; slow enough for all of the designs, none of which is sized for speed."""

_WINDOWS = 8


@dataclass(frozen=True)
class Measured:
    """One design, per inference; energies in fJ.

    Attributes
    ----------
    counts : class -> what the full flow's energy is predicted from
    flips : predicted at the level of RTL, of all signals
    logic, clock : class -> of the full flow, glitches included
    settled : class -> logic without glitches
    leakage : nW
    area : square micrometres
    deviation : standard deviation of all energy for glitches being sampled
    """

    counts: dict[str, Count]
    flips: float
    logic: dict[str, float]
    clock: dict[str, float]
    settled: dict[str, float]
    leakage: float
    area: float
    deviation: float

    @property
    def energy(self) -> float:
        """Of the full flow, without leakage."""
        return sum(self.logic.values()) + sum(self.clock.values())

    @property
    def toggles(self) -> float:
        """Of all generic gates."""
        return sum(part.toggles for part in self.counts.values())

    @property
    def pulses(self) -> float:
        """Of all generic gates."""
        return sum(part.pulses for part in self.counts.values())

    @property
    def nands(self) -> float:
        """Area of all generic gates."""
        return sum(part.area for part in self.counts.values())

    def predicted(self, toggle: float, pulse: float) -> float:
        """Energy by two coefficients."""
        return toggle * self.toggles + pulse * self.pulses


class Store:
    """Parts of measurements by a key, kept in a file of JSON as they are finished."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path = path
        self._parts: dict[str, Any] = {}
        if path.exists() and not fresh:
            try:
                self._parts = json.loads(path.read_text())
            except ValueError as error:
                raise InputError(f"{path}: not JSON ({error}); delete it") from None

    def get(self, key: str) -> Any:
        """What is kept under the key, None where nothing is."""
        return self._parts.get(key)

    def put(self, key: str, part: object) -> None:
        """Keep it."""
        self._parts[key] = part
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._path) as file:
            file.write_text(json.dumps(self._parts, indent=1) + "\n")


def measure(design: Design, technology: str, store: Store) -> Measured:
    """The full flow, and the counts, unless they are kept.

    Raises
    ------
    InputError : the technology's Liberty files are not there
    MismatchError : gates, integer network and predictions differ
    ToolError : a tool is missing or fails
    """
    generic = _kept(store, design, "generic", lambda: _generic(design))
    full = _kept(store, design, technology, lambda: _full(design, technology))
    counts = {name: Count(**part) for name, part in generic["counts"].items()}
    return Measured(counts, generic["flips"], **full)


def _kept(
    store: Store, design: Design, kind: str, make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    what = json.dumps([design.network, asdict(design.hardware)], sort_keys=True)
    key = f"{kind} {design.name} {hashlib.sha256(what.encode()).hexdigest()[:12]}"
    if store.get(key) is None:
        store.put(key, make())
    found: dict[str, Any] = store.get(key)
    return found


def _generic(design: Design) -> dict[str, Any]:
    made, x = deployment(design), image()
    counts = count(made, generic_design(made), x)
    if counts.mismatches:
        raise InputError(f"{design.name}: {counts.mismatches} outputs differ on generic gates")
    predictor = FlipPredictor(made.image)
    predictor.execute(made.programs[0], 0, quantise_input(made.networks[0], x))
    return {
        "counts": {name: asdict(part) for name, part in counts.classes.items()},
        "flips": float(sum(flips.sum() for flips in predictor.flips.values())),
    }


def _full(design: Design, technology: str) -> dict[str, Any]:
    files = sorted((PDK / FOLDERS[technology]).glob("*.lib.gz"))
    made = deployment(design)
    gates = gate_design(made, read_library(files), files, TECHNOLOGIES[technology])
    found = inference_energy(made, gates, image(), clock=CLOCK, windows=_WINDOWS)
    if found.mismatches:
        raise InputError(f"{design.name}: {found.mismatches} outputs differ in {technology}")
    return {
        "logic": {part.name: part.logic for part in found.classes},
        "clock": {part.name: part.clock for part in found.classes},
        "settled": {part.name: part.settled for part in found.classes},
        "leakage": sum(part.leakage_power for part in found.classes),
        "area": sum(part.area for part in found.classes),
        "deviation": found.deviation,
    }
