"""What a cost that is known says of other hardware and other budgets: where to look next.

Nothing here decides; whatever is chosen has been estimated itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from pann_hw.energy.classes import class_of
from pann_hw.sizing.cost import Cost, Part
from pann_hw.sizing.hardware import Hardware

__all__ = ["scaled", "variable_energy"]

_FIXED = ("row buffer", "requantiser", "drain", "pooling")
"""Classes whose dynamic energy is about the same for all operating points of a network; the others
work as many cycles as there are terms."""


def scaled(cost: Cost, of: tuple[Hardware, int], to: tuple[Hardware, int]) -> Cost:
    """The cost of the same network on other hardware, roughly.

    Additions, requantising and pooling are as many on any hardware. A core's stream of terms runs
    for all cycles in each core, control once; windows and what they are read from are as wide as
    there are lanes. Leakage follows lanes and cores.

    Parameters
    ----------
    of, to : hardware and cycles per inference
    """
    (old, old_cycles), (new, new_cycles) = of, to
    cycles, cores, lanes = new_cycles / old_cycles, new.cores / old.cores, new.lanes / old.lanes
    dynamic = {
        "term stream": cycles * cores,
        "row buffer": cycles * lanes,
        "fetch": cycles * lanes,
        "control": cycles,
    }
    leakage = {
        "lanes": lanes * cores,
        "operand select": lanes * cores,
        "term stream": cores,
        "row buffer": lanes,
        "fetch": lanes,
        "requantiser": lanes,
        "drain": lanes,
        "pooling": lanes,
    }

    def each(parts: Mapping[str, Part], leaks: Callable[[str], float]) -> dict[str, Part]:
        return {
            name: Part(
                part.dynamic * dynamic.get(class_of_part(name), 1.0), part.leakage * leaks(name)
            )
            for name, part in parts.items()
        }

    cells = each(cost.cells, lambda name: leakage.get(name, 1.0))
    # As many bits are kept wherever they are.
    return replace(cost, cells=cells, memories=each(cost.memories, lambda _: 1.0))


def variable_energy(cost: Cost, *, memories: bool) -> float:
    """FJ per inference that follow the cycles, and so the budget, on the same hardware.

    As many windows are read from the memories of activations at any operating point.
    """
    found = [part.dynamic for name, part in cost.cells.items() if name not in _FIXED]
    if memories:
        items = cost.memories.items()
        found += [part.dynamic for name, part in items if class_of_part(name) != "fetch"]
    return math.fsum(found)


def class_of_part(name: str) -> str:
    """The class of a class, or of a memory by its path of instances."""
    return class_of(name) if "." in name or "_" in name else name
