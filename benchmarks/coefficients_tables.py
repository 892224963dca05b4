"""Coefficients fitted to measured designs, and how well they and flips alone predict others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pann_hw.energy
from benchmarks.accuracy_tables import Table
from benchmarks.coefficients_designs import Design
from benchmarks.coefficients_run import Measured
from pann_hw.energy.coefficients import Coefficients, Count, fit
from pann_hw.files import whole_file

__all__ = ["ASKED", "Fitted", "fitted", "tables", "write_coefficients"]

ASKED = 0.1
"""Largest relative error that a design that was not fitted may have."""


@dataclass(frozen=True)
class Fitted:
    """A technology.

    Attributes
    ----------
    coefficients : by the designs that are for the fit
    flip : fJ per flip of RTL signals, by the same designs
    measured : all designs
    """

    coefficients: Coefficients
    flip: float
    measured: Mapping[Design, Measured]

    def error(self, design: Design) -> float:
        """Relative error of the energy that the coefficients predict, leakage left out."""
        one = self.measured[design]
        return one.predicted(self.coefficients.toggle, self.coefficients.pulse) / one.energy - 1

    def flip_error(self, design: Design) -> float:
        """The same of flips alone."""
        one = self.measured[design]
        return self.flip * one.flips / one.energy - 1

    @property
    def missed(self) -> list[str]:
        """Designs that were not fitted and are predicted worse than asked, a line each."""
        return [
            f"{self.coefficients.technology}: {design.name}: error {100 * self.error(design):+.1f} "
            f"%, asked {100 * ASKED:g} %"
            for design in self.measured
            if not design.fitted and abs(self.error(design)) > ASKED
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **asdict(self.coefficients),
            "flip": self.flip,
            "designs": [
                {
                    "name": design.name,
                    "fitted": design.fitted,
                    "energy": one.energy,
                    "deviation": one.deviation,
                    "error": self.error(design),
                    "flip_error": self.flip_error(design),
                }
                for design, one in self.measured.items()
            ],
        }


def fitted(technology: str, measured: Mapping[Design, Measured]) -> Fitted:
    """Coefficients of least squared errors of logic and of clock, as parts of their design's whole.

    Leakage and area per generic area are the quotients of sums.
    """
    used = [one for design, one in measured.items() if design.fitted]
    counts, energies, wholes = [], [], []
    for one in used:
        # Apart: together, logic that is short of toggles would be made up for by the clock.
        counts += [Count(one.toggles, 0, 0, 0), Count(0, 0, one.pulses, 0)]
        energies += [sum(one.logic.values()), sum(one.clock.values())]
        wholes += 2 * [one.energy]
    toggle, pulse = fit(counts, energies, wholes)
    nands = sum(one.nands for one in used)
    leakage = sum(one.leakage for one in used) / nands
    area = sum(one.area for one in used) / nands
    # Least squares of relative errors with one coefficient.
    parts = [one.flips / one.energy for one in used]
    flip = sum(parts) / sum(part**2 for part in parts)
    return Fitted(Coefficients(technology, toggle, pulse, leakage, area), flip, measured)


def write_coefficients(found: Sequence[Fitted], command: str) -> None:
    """Into the package."""
    designs = [design.name for design in found[0].measured if design.fitted]
    values = [asdict(one.coefficients) for one in found]
    content = {
        "made_by": f"{command} --write",
        "fitted_to": designs,
        "technologies": {
            one.pop("technology"): {name: float(f"{value:.5g}") for name, value in one.items()}
            for one in values
        },
    }
    path = Path(pann_hw.energy.__file__).parent / "coefficients.json"
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")


def tables(found: Sequence[Fitted]) -> list[Table]:
    """The coefficients, and for each technology the errors, design by design."""
    made = [
        Table(
            "Default coefficients",
            (
                "technology",
                "fJ per toggle and pin",
                "fJ per clock pulse",
                "nW per NAND2",
                "um2 per NAND2",
                "flips alone: fJ per flip",
            ),
            [
                (
                    one.coefficients.technology,
                    f"{one.coefficients.toggle:.4g}",
                    f"{one.coefficients.pulse:.4g}",
                    f"{one.coefficients.leakage:.4g}",
                    f"{one.coefficients.area:.4g}",
                    f"{one.flip:.4g}",
                )
                for one in found
            ],
        )
    ]
    for one in found:
        made.append(
            Table(
                f"{one.coefficients.technology}: energy per inference without leakage; asked of "
                f"the held-out designs: within {100 * ASKED:g} %",
                ("design", "for", "full flow, nJ", "coefficients", "flips alone"),
                [
                    (
                        design.name,
                        "the fit" if design.fitted else "the check",
                        f"{part.energy / 1e6:.2f} +- {part.deviation / 1e6:.2f}",
                        f"{100 * one.error(design):+.1f} %",
                        f"{100 * one.flip_error(design):+.1f} %",
                    )
                    for design, part in one.measured.items()
                ],
            )
        )
    return made
