"""Plot of the operating points: where flips are, and what accuracy they buy."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from benchmarks.operating_points_run import Result
from pann_hw.report.plot_style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    SIGNAL_COLOURS,
    STYLE,
    WIDTH,
    add_legend,
    save_svg,
)

__all__ = ["draw", "save_plot"]


def save_plot(result: Result, path: Path) -> None:
    """Draw a result as SVG; the same result gives the same bytes."""
    with mpl.rc_context(STYLE):
        save_svg(draw(result), path)


def draw(result: Result) -> Figure:
    """Left counted flips by signal class, a bar for each point; right accuracy against flips."""
    figure = Figure((WIDTH, 4.0), layout="constrained")
    axes = list(figure.subplots(1, 2))
    _draw_flips(axes[0], result)
    _draw_accuracy(axes[1], result)
    add_legend(figure, axes)
    return figure


def _draw_flips(ax: Axes, result: Result) -> None:
    places = range(len(result.points))
    heights = np.zeros(len(places))
    for name, colour in SIGNAL_COLOURS.items():
        means = np.array([np.mean(point.flips_counted[name]) for point in result.points])
        ax.bar(places, means, 0.7, heights, color=colour, label=name.replace("_", " "))
        heights += means
    predicted = [sum(map(np.mean, point.flips_predicted.values())) for point in result.points]
    ax.plot(places, predicted, "_", color=BLACK, markersize=22, label="predicted")
    ax.set_xticks(places, [point.budget for point in result.points])
    ax.set_xlabel("budget of the operating point")
    ax.set_ylabel(f"bit flips per inference ({result.images} images)")
    ax.yaxis.set_major_formatter(EngFormatter())
    ax.set_title("counted in Verilator")


def _draw_accuracy(ax: Axes, result: Result) -> None:
    flips = [float(point.flips.mean()) for point in result.points]
    for name, label, colour, marker, up in (
        ("accuracy", "accuracy", BLUE, "o", -11),
        ("agreement", "agreement with float", ORANGE, "s", 5),
    ):
        rates = [100 * getattr(point.quality, name) for point in result.points]
        ax.plot(flips, rates, marker=marker, color=colour, label=label)
        for point, *place in zip(result.points, flips, rates, strict=True):
            ax.annotate(point.budget, (place[0], place[1]), (0, up), textcoords="offset points",
                        ha="center", fontsize=7)  # fmt: skip
    ax.axhline(100 * result.float_accuracy, color=GREY, linestyle="--", label="float accuracy")
    ax.margins(y=0.15)
    ax.xaxis.set_major_formatter(EngFormatter())
    ax.set_xlabel("counted bit flips per inference")
    ax.set_ylabel(f"% of {result.test_images} test images")
    ax.set_title("integer network, which the RTL computes exactly")
