"""Plot of a sweep: accuracy, agreement or error against flips per inference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from pann_hw.report.plot_style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    STYLE,
    WIDTH,
    add_legend,
    save_svg,
)
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.pareto import merit
from pann_hw.sweep.point import Figures, Point
from pann_hw.sweep.sweep import Sweep

__all__ = ["draw_sweep", "save_sweep_plot"]

_MARKS = dict(
    zip(KINDS, cycle(((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (BLACK, "v"))), strict=False)
)
"""Colour and marker of each encoding."""

_LABELS = {
    "accuracy": "accuracy, %",
    "agreement": "classes as of the float network, %",
    "error": "output error, % of the outputs' variance",
}

_FEW = 30
"""Points that have room for a label each; where there are more, only the front has."""

_WIDE = 12
"""Percentage points between best and worst rate beyond which a linear scale crowds the best."""

_END = 0.5
"""Per cent beyond 100 where the other scale would end."""

_TICKS = (0, 50, 80, 90, 95, 98, 99, 100)


def save_sweep_plot(sweep: Sweep, path: Path) -> None:
    """Draw a sweep as SVG; the same sweep gives the same bytes."""
    with mpl.rc_context(STYLE):
        save_svg(draw_sweep(sweep), path)


def draw_sweep(sweep: Sweep) -> Figure:
    """Points by encoding, the front as a line, the float network's accuracy as another."""
    figure = Figure((WIDTH, 4.6), layout="constrained")
    ax = figure.subplots()
    front = [_place(sweep, f) for point, f in sweep.reached if point in sweep.front]
    front.append((sweep.reached[-1][1].flips, front[-1][1]))
    ax.step(*zip(*front, strict=True), where="post", color=BLACK, label="Pareto front", zorder=1)
    for encoding in sweep.encodings:
        places = [_place(sweep, f) for point, f in sweep.reached if point.encoding == encoding]
        if places:
            # Hollow: points of several encodings often coincide.
            colour, marker = _MARKS[encoding]
            ax.plot(*zip(*places, strict=True), marker, color=colour, markerfacecolor="none",
                    markersize=6, label=encoding)  # fmt: skip
    if sweep.metric == "accuracy" and sweep.float_accuracy is not None:
        ax.axhline(100 * sweep.float_accuracy, color=GREY, linestyle="--", label="float network")
    _label_points(ax, sweep)
    _scale_flips(ax, [figures.flips for _, figures in sweep.reached])
    ax.set_ylabel(f"{_LABELS[sweep.metric]} ({sweep.test_images} images)")
    _scale_metric(ax, sweep)
    add_legend(figure, [ax])
    return figure


def _place(sweep: Sweep, figures: Figures) -> tuple[float, float]:
    return figures.flips, 100 * float(getattr(figures, sweep.metric))


def _label_points(ax: Axes, sweep: Sweep) -> None:
    """Names of the front's points where no point can be, and of the others where they are few."""
    few, named = len(sweep.reached) <= _FEW, _named(sweep)
    more_is_better = sweep.metric != "error"
    texts: dict[tuple[tuple[float, float], bool, bool], list[str]] = {}
    for point, figures in sweep.reached:
        on_front = point in sweep.front
        if point in named or (few and not on_front):
            # Multipliers and terms of equal merit: above each other, not across.
            up = on_front == more_is_better or (not on_front and point.budget is None)
            texts.setdefault((_place(sweep, figures), on_front, up), []).append(point.label)
    for (place, on_front, up), labels in texts.items():
        ax.annotate(
            ", ".join(dict.fromkeys(labels)),
            place,
            (-5 if on_front else 4, 4 if up else -4),
            textcoords="offset points",
            ha="right" if on_front else "left",
            va="bottom" if up else "top",
            fontsize=7,
            color=BLACK if on_front else GREY,
        )


def _named(sweep: Sweep) -> set[Point]:
    """Of the front's points of one budget, which are close to each other, the best."""
    best: dict[object, tuple[Point, float]] = {}
    for point, figures in sweep.reached:
        if point in sweep.front:
            value = merit(figures, sweep.metric)
            key = point if point.budget is None else point.budget
            if key not in best or value > best[key][1]:
                best[key] = (point, value)
    return {point for point, _ in best.values()}


def _scale_flips(ax: Axes, flips: Sequence[float]) -> None:
    ax.set_xscale("log")
    ax.margins(x=0.08)
    digits = (1, 2, 3, 5, 7) if max(flips) < 300 * min(flips) else (1,)
    ax.xaxis.set_major_locator(LogLocator(subs=digits))
    ax.xaxis.set_major_formatter(EngFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("predicted bit flips per inference")


def _scale_metric(ax: Axes, sweep: Sweep) -> None:
    """Error on a logarithmic scale; rates on a linear one where they are close to each other, else
    on that of the rest to 100 %, where the last per cent have room."""
    ax.margins(y=0.1)
    if sweep.metric == "error":
        ax.set_yscale("log")
        return
    rates = [_place(sweep, figures)[1] for _, figures in sweep.reached]
    if max(rates) - min(rates) <= _WIDE:
        return
    ax.set_yscale("function", functions=(_spread, _gathered))
    ax.set_yticks(_TICKS)
    ax.set_ylim(max(min(rates) - 5, 0), 100.2)


def _spread(rate: np.ndarray) -> np.ndarray:
    return -np.log10(np.maximum(100 + _END - rate, 1e-3))


def _gathered(place: np.ndarray) -> np.ndarray:
    return 100 + _END - 10 ** -np.asarray(place)
