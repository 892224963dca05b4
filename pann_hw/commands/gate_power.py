"""``pann-hw power --gates``: energy per inference, on gates of a library."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pann_hw.commands import estimate_power
from pann_hw.commands.arguments import load_program, load_program_data
from pann_hw.commands.console import bar, say, table
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.energy.inference import InferenceEnergy
    from pann_hw.technology.known import Technology
    from pann_hw.technology.library import Library

__all__ = ["add_arguments", "check", "load_library", "run", "show"]

_OPTIONS = ("liberty", "tech", "clock", "windows", "no_clock_gating", "wire")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that ``--gates`` goes with."""
    group = parser.add_argument_group("energy in gates")
    group.add_argument(
        "--gates",
        action="store_true",
        help="energy per inference of standard cells, simulated gate by gate; of one point, and "
        "of one image where --images does not ask for more",
    )
    group.add_argument(
        "--liberty",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the library's Liberty files, .gz or not, of one corner",
    )
    group.add_argument(
        "--tech",
        metavar="NAME",
        help="sky130, sg13g2 or asap7; found out from the cells where left out; without --liberty "
        "its default coefficients are used",
    )
    group.add_argument("--clock", type=float, metavar="MHZ", help="default 50")
    group.add_argument(
        "--windows",
        type=int,
        metavar="K",
        help="windows of 60 cycles that are simulated with delays, so that glitches count; 0 for "
        "none; default 8",
    )
    group.add_argument(
        "--no-clock-gating", action="store_true", help="flip-flops are clocked in every cycle"
    )
    group.add_argument(
        "--wire", type=float, metavar="FF", help="fF of wire for each pin of a net; default 0"
    )


def check(args: argparse.Namespace) -> None:
    """Refuse options of ``--gates`` without it.

    Raises
    ------
    InputError : there is one
    """
    values = {name: getattr(args, name) for name in _OPTIONS}
    given = [name for name, value in values.items() if value is not None and value is not False]
    if given and not args.gates:
        raise InputError(f"--{given[0].replace('_', '-')}: goes with --gates; add it")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Map, simulate and add up."""
    clock = 50.0 if args.clock is None else args.clock
    windows = 8 if args.windows is None else args.windows
    wire = 0.0 if args.wire is None else args.wire
    # Comparisons that are false for nan too.
    if not 0 < clock < 1e5:
        raise InputError(f"--clock {clock:g}: must be above 0 and below 100000 MHz")
    if not 0 <= windows <= 1000:
        raise InputError(f"--windows {windows}: must be 0..1000")
    if not 0 <= wire <= 1000:
        raise InputError(f"--wire {wire:g}: must be 0..1000 fF")
    if args.liberty:
        library, technology = load_library(args)
    else:
        estimate_power.check(args)
    if args.images is None:
        args.images = 1
    deployment = load_program(args)
    data = load_program_data(args, deployment)
    if len(deployment.programs) > 1:
        raise InputError(
            f"{args.program}: has points 0..{len(deployment.programs) - 1}; choose one with --point"
        )
    if not args.liberty:
        return estimate_power.run(args, deployment, data, clock)
    from pann_hw.energy.inference import gate_design, inference_energy

    if windows:
        from sim.gates.icarus import require_icarus

        require_icarus()
    say("mapping to gates")
    design = gate_design(
        deployment,
        library,
        args.liberty,
        technology,
        clock_gating=not args.no_clock_gating,
        wire=wire,
    )
    with bar("simulating gates", len(data) + windows) as step:
        found = inference_energy(
            deployment, design, data.x, clock=clock * 1e6, windows=windows, progress=step
        )
    return _as_dictionary(found, args, wire)


def load_library(args: argparse.Namespace) -> tuple[Library, Technology | None]:
    """The library of ``--liberty`` and its technology, None where it is not known.

    Raises
    ------
    InputError : a file that is no library, or not of the technology of ``--tech``
    """
    from pann_hw.technology.known import recognised
    from pann_hw.technology.known import technology as named

    technology = named(args.tech) if args.tech else None
    from pann_hw.technology.liberty import read_library

    say("reading the library")
    library = read_library(args.liberty)
    found = recognised(library)
    if technology and technology is not found:
        what = f"is of {found.name}" if found else f"lacks {technology.flip_flop}"
        raise InputError(
            f"--tech {technology.name}: the library {library.name} {what}; leave --tech out, or "
            "give all Liberty files of that technology"
        )
    return library, found


def _as_dictionary(
    found: InferenceEnergy, args: argparse.Namespace, wire: float
) -> dict[str, object]:
    memory = found.memory_energy
    both = None if memory is None else found.energy + memory
    return {
        **asdict(found),
        "deviation": None if found.deviation != found.deviation else found.deviation,
        "classes": [
            {**asdict(item), "logic": item.logic, "energy": item.energy} for item in found.classes
        ],
        "memories": [{**asdict(item), "energy": item.energy} for item in found.memories],
        "clock_gating": not args.no_clock_gating,
        "wire": wire,
        "energy": found.energy,
        "memory_energy": memory,
        "energy_with_memories": both,
        "power": found.power(found.energy),
        "power_with_memories": None if both is None else found.power(both),
        "rate": found.rate,
    }


def show(result: dict[str, Any]) -> None:
    """Print the result."""
    total = result["energy"]
    estimated = "coefficients" in result
    table(
        estimate_power.title(result) if estimated else _title(result),
        ("class", "logic", "glitches", "clock", "leakage", "all", "share", "area um2"),
        [
            (
                item["name"],
                *(f"{item[key] / 1e6:.3f}" for key in ("logic",)),
                f"x {item['glitch_factor']:.2f}" if result["windows"] else "-",
                *(f"{item[key] / 1e6:.3f}" for key in ("clock", "leakage", "energy")),
                f"{100 * item['energy'] / total:.1f} %",
                f"{item['area']:.0f}",
            )
            for item in [*result["classes"], _sum(result["classes"])]
        ],
    )
    if result["memories"]:
        table(
            "Memories: an estimate from counted accesses and published macros (docs/energy.md), "
            "nJ per inference",
            ("memory", "words", "bits", "reads", "writes", "accesses", "leakage", "all"),
            [
                (
                    *(item[key] for key in ("name", "words", "width")),
                    *(f"{item[key]:.0f}" for key in ("reads", "writes")),
                    *(f"{item[key] / 1e6:.3f}" for key in ("access", "leakage", "energy")),
                )
                for item in result["memories"]
            ],
        )
    for line in estimate_power.summary(result) if estimated else _summary(result):
        print(line)


def _title(result: dict[str, Any]) -> str:
    known = result["technology"] or "not a known technology"
    return (
        f"Gates of {result['library']} ({known}, {result['voltage']:g} V): nJ per inference of "
        f"{result['cycles']:.0f} cycles, by class"
    )


def _sum(classes: list[dict[str, Any]]) -> dict[str, Any]:
    keys = ("settled", "logic", "clock", "leakage", "energy", "area")
    total: dict[str, Any] = {key: sum(item[key] for item in classes) for key in keys}
    factor = total["logic"] / total["settled"] if total["settled"] else 1.0
    return {"name": "all cells", "glitch_factor": factor, **total}


def _summary(result: dict[str, Any]) -> list[str]:
    clock, rate = result["clock"] / 1e6, result["rate"]
    spread = result["deviation"]
    lines = [
        f"Cells, measured: {result['energy'] / 1e9:.4f} uJ per inference"
        + (f" (glitches sampled: +- {spread / 1e9:.4f} uJ)" if spread is not None else "")
        + f", {1e3 * result['power']:.4f} mW at {clock:g} MHz and {rate:.1f} inferences/s"
    ]
    if result["energy_with_memories"] is None:
        lines.append("Memories: no estimate, the technology is not known")
    else:
        lines.append(
            f"With memories, estimated: {result['energy_with_memories'] / 1e9:.4f} uJ, "
            f"{1e3 * result['power_with_memories']:.4f} mW"
        )
    sampled = "glitches left out"
    if result["windows"]:
        sampled = f"glitches: {result['windows']} windows of {result['window_cycles']} cycles"
    path, slew = result["critical_path"] / 1e3, result["longest_slew"]
    lines += [
        f"Toggles: whole inferences, {result['images']} images, without delays; {sampled}",
        f"Gates: {_counts(result)}",
        f"Longest path {path:.2f} ns; longest slew {slew:.0f} ps; wire {result['wire']:g} fF a pin",
    ]
    if result["mismatches"]:
        lines.append(f"{result['mismatches']} outputs differ from the integer network")
    return lines


def _counts(result: dict[str, Any]) -> str:
    kinds = ("flip_flops", "clock_gates", "buffers")
    return f"{result['cells']} cells; of these " + ", ".join(
        f"{result[kind]} {kind.replace('_', '-').replace('clock-', 'clock ')}" for kind in kinds
    )
