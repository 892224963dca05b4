"""What compile and simulate tell of each layer: cycles and use of the adders, from the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pann_hw.commands.console import table

if TYPE_CHECKING:
    from pann_hw.machine.schedule import Schedule
    from pann_hw.program.program import Program

__all__ = ["layers", "show_layers"]


def layers(program: Program, schedule: Schedule) -> list[dict[str, Any]]:
    """The attributes of :class:`pann_hw.report.utilisation.LayerUse` for every layer, for JSON."""
    from pann_hw.report.utilisation import layer_uses

    return [asdict(use) for use in layer_uses(program, schedule)]


def show_layers(title: str, found: Sequence[dict[str, Any]]) -> None:
    """Print a table of layers, all of them together last."""
    from pann_hw.report.utilisation import HEADINGS, LayerUse, use_rows

    table(title, HEADINGS, use_rows([LayerUse(**one) for one in found]))
