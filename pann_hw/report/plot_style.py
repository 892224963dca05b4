"""What plots share: colours, markers, plots in a row, one legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pann_hw.machine.flips import CLASSES as SIGNAL_CLASSES
from pann_hw.power.unit import CLASSES

__all__ = [
    "BLACK",
    "BLUE",
    "CLASS_COLOURS",
    "GREEN",
    "GREY",
    "ORANGE",
    "SIGNAL_COLOURS",
    "SOURCE_MARKS",
    "STYLE",
    "WIDTH",
    "add_legend",
    "axes_row",
    "save_svg",
]

# Okabe and Ito's colours, which people who see red and green alike tell apart too.
BLACK, GREY = "#000000", "#999999"
ORANGE, GREEN, BLUE = "#E69F00", "#009E73", "#0072B2"
_SKY, _YELLOW, _RED, _PINK = "#56B4E9", "#F0E442", "#D55E00", "#CC79A7"

SOURCE_MARKS = {
    "uniform": (BLUE, "o"),
    "gaussian": (ORANGE, "s"),
    "sparse": (GREEN, "^"),
    "recorded": (_PINK, "D"),
}
"""Colour and marker of each kind of data."""

CLASS_COLOURS = dict(zip(CLASSES, (_SKY, BLUE, _YELLOW, ORANGE, _RED), strict=True))
"""Colour of each class of nets."""

SIGNAL_COLOURS = dict(
    zip(SIGNAL_CLASSES, (_SKY, BLUE, ORANGE, GREEN, _PINK, _YELLOW, GREY), strict=True)
)
"""Colour of each class of the accelerator's signals."""

WIDTH = 9.0
"""Of every figure, inches."""

STYLE: Any = {
    "svg.hashsalt": "pann-hw",  # or names inside the file are random
    "font.family": "DejaVu Sans",  # comes with matplotlib: text takes the same room everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.markersize": 4.5,
    "lines.linewidth": 1.2,
}
"""For ``matplotlib.rc_context``, around drawing and saving."""


def axes_row(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """Plots beside each other on one vertical scale; ``height`` in inches."""
    figure = Figure((WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend below all plots, each entry once."""
    entries: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    # About 0.08 inches a letter at this size of font, and the handle.
    fit = int(figure.get_figwidth() / (0.08 * max(map(len, entries)) + 0.65))
    rows = -(-len(entries) // fit)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=-(-len(entries) // rows),
    )


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure that was drawn in ``STYLE``; the same figure gives the same bytes."""
    with mpl.rc_context(STYLE):
        figure.savefig(path, metadata={"Date": None, "Creator": "pann-hw"})
