"""``pann-hw power --gates --tech NAME`` without Liberty files: the default coefficients."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pann_hw.commands.console import bar, say
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.program.deployment import Deployment

__all__ = ["check", "run", "summary", "title"]


def check(args: argparse.Namespace) -> None:
    """Refuse what only a library's own tables answer.

    Raises
    ------
    InputError : there is no technology, or one of no coefficients, or an option for libraries
    """
    if not args.tech:
        raise InputError(
            "--gates: give --liberty FILE, the library's Liberty files, or --tech NAME for its "
            "default coefficients"
        )
    from pann_hw.energy.coefficients import default_coefficients

    default_coefficients(args.tech)
    for name in ("windows", "wire"):
        if getattr(args, name) is not None:
            raise InputError(
                f"--{name} {getattr(args, name):g}: default coefficients have it in them; leave it "
                "out, or give --liberty FILE"
            )


def run(
    args: argparse.Namespace, deployment: Deployment, data: Data, clock: float
) -> dict[str, object]:
    """Map to generic gates, simulate and add up; ``clock`` is in MHz."""
    from pann_hw.energy.coefficients import default_coefficients, estimate

    coefficients = default_coefficients(args.tech)
    say("mapping to generic gates")
    with bar("simulating gates", len(data)) as step:
        found = estimate(
            deployment,
            args.tech,
            data.x,
            clock=clock * 1e6,
            clock_gating=not args.no_clock_gating,
            coefficients=coefficients,
            progress=step,
        )
    both = found.energy + found.memory_energy
    return {
        **asdict(found),
        "coefficients": asdict(coefficients),
        "classes": [
            {**asdict(item), "logic": item.logic, "energy": item.energy} for item in found.classes
        ],
        "memories": [{**asdict(item), "energy": item.energy} for item in found.memories],
        "clock_gating": not args.no_clock_gating,
        "windows": 0,
        "energy": found.energy,
        "memory_energy": found.memory_energy,
        "energy_with_memories": both,
        "power": found.power(found.rate),
        "power_with_memories": both * 1e-15 / found.seconds,
        "rate": found.rate,
    }


def title(result: dict[str, Any]) -> str:
    """Of the table of classes."""
    return (
        f"Estimated with default coefficients of {result['technology']} ({result['voltage']:g} V): "
        f"nJ per inference of {result['cycles']:.0f} cycles, by class"
    )


def summary(result: dict[str, Any]) -> list[str]:
    """Lines below the tables."""
    taken = result["coefficients"]
    cells = (
        f"Cells, estimated with default coefficients: {result['energy'] / 1e9:.4f} uJ per "
        f"inference, {1e3 * result['power']:.4f} mW at {result['clock'] / 1e6:g} MHz and "
        f"{result['rate']:.1f} inferences/s"
    )
    memories = (
        f"With memories, estimated: {result['energy_with_memories'] / 1e9:.4f} uJ, "
        f"{1e3 * result['power_with_memories']:.4f} mW"
    )
    coefficients = (
        f"Coefficients: {taken['toggle']:.4g} fJ per toggle and pin driven, "
        f"{taken['pulse']:.4g} fJ per flip-flop and clock pulse (docs/coefficients.md)"
    )
    toggles = (
        f"Toggles: whole inferences, {result['images']} images, glitches sampled, of "
        f"{result['cells']} generic cells; of these {result['flip_flops']} flip-flops, "
        f"{result['clock_gates']} clock gates"
    )
    lines = [cells, memories, coefficients, toggles]
    if result["mismatches"]:
        lines.append(f"{result['mismatches']} outputs differ from the integer network")
    return lines
