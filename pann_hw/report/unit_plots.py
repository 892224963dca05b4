"""Plots of a report on units: SVG files, the same bytes for the same report, without a display."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pann_hw.power.unit import CLASSES
from pann_hw.report.plot_style import (
    BLACK,
    BLUE,
    CLASS_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    SOURCE_MARKS,
    STYLE,
    WIDTH,
    add_legend,
    axes_row,
    save_svg,
)
from pann_hw.report.unit_claims import Saving, narrowed, signed_savings, weights
from pann_hw.report.units import MODELS, Measurement, Report

__all__ = ["PLOTS", "save_plots"]

_VARIANT_COLOURS = {"one rail, unary": BLACK, "one rail, CSD": BLUE, "two rails, unary": ORANGE,
                    "two rails, CSD": GREEN}  # fmt: skip

_KINDS = {"array": "unsigned array", "baugh_wooley": "signed Baugh-Wooley",
          "booth": "signed Booth"}  # fmt: skip

_MODEL_TITLES = dict(
    zip(
        MODELS,
        ("closed formula", "statistics of words", "rates of bits alone (to 10 bits)"),
        strict=True,
    )
)


def save_plots(report: Report, folder: Path) -> list[Path]:
    """Draw every plot for which the report has measurements; returns the files."""
    files = []
    with mpl.rc_context(STYLE):
        for name, draw in PLOTS.items():
            figure = draw(report)
            if figure is not None:
                files.append(folder / f"{name}.svg")
                save_svg(figure, files[-1])
    return files


def mac_flips(report: Report) -> Figure | None:
    """Flips of MACs against the width of their operands: formula, counted, predicted."""
    width = _widest(report)
    kinds = [kind for kind in _KINDS if _macs(report, kind, width)]
    if not kinds:
        return None
    figure, axes = axes_row(len(kinds), 3.6)
    for ax, kind in zip(axes, kinds, strict=True):
        for source in report.sources:
            colour, marker = SOURCE_MARKS[source]
            items = _macs(report, kind, width, source=source)
            bits = _beside(report, source, [item.bits for item in items])
            _points(ax, bits, [item.total("counted") for item in items], colour, marker, source)
            predicted = [item.total("predicted") for item in items]
            ax.plot(bits, predicted, "_", color=BLACK, markersize=7, label="predicted")
        formula = {item.bits: item.total("formula") for item in _macs(report, kind, width)}
        _formula(ax, formula)
        ax.set_title(f"{_KINDS[kind]}, B = {width}")
        _bits_axis(ax, report, "operand width b (bits)")
    axes[0].set_ylabel("flips per multiply-accumulate")
    axes[0].set_ylim(bottom=0)
    add_legend(figure, axes)
    return figure


def model_errors(report: Report) -> Figure | None:
    """Error of each model, a point for each unit and width, by group and kind of data."""
    groups = list(dict.fromkeys(item.group for item in report.measurements))
    if not groups:
        return None
    figure, axes = axes_row(len(MODELS), 3.8)
    for ax, model in zip(axes, MODELS, strict=True):
        ax.axhspan(-5, 5, color=GREY, alpha=0.25, linewidth=0, label="± 5 %")
        for index, source in enumerate(report.sources):
            colour, marker = SOURCE_MARKS[source]
            shift = (index + 0.5) / len(report.sources) - 0.5
            found = [
                (groups.index(item.group) + 0.8 * shift, item.error(model))
                for item in report.select(source=source)
                if item.error(model) is not None
            ]
            x, y = zip(*found, strict=True) if found else ((), ())
            ax.plot(x, y, marker, color=colour, markersize=3, alpha=0.5, markeredgewidth=0,
                    label=source)  # fmt: skip
        # Linear up to 5 %, logarithmic beyond: all three models on one scale.
        ax.set_yscale("symlog", linthresh=5)
        ticks = (-50, -20, -10, -5, 0, 5, 10, 20, 50, 100, 200)
        ax.set_yticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
        ax.set_yticks([], minor=True)
        ax.set_xticks(range(len(groups)), groups, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_xlim(-0.5, len(groups) - 0.5)
        ax.set_title(_MODEL_TITLES[model])
    axes[0].set_ylabel("error, % of counted flips")
    add_legend(figure, axes)
    return figure


def flip_classes(report: Report) -> Figure | None:
    """Where the flips are: counted flips of each unit by class of net."""
    bits = 4 if 4 in report.bits else report.bits[-1]
    width = _widest(report)
    chosen = [
        item for item in report.select(bits=bits) if item.parameters.get("width", width) == width
    ]
    labels = list(dict.fromkeys(item.label for item in chosen))
    if not labels:
        return None
    sources = list(dict.fromkeys((report.sources[0], report.sources[-1])))
    figure, axes = axes_row(len(sources), 1.3 + 0.19 * len(labels))
    for ax, source in zip(axes, sources, strict=True):
        items = {item.label: item for item in chosen if item.source == source}.values()
        y = [labels.index(item.label) for item in items]
        left = [0.0] * len(items)
        for name in CLASSES:
            shares = [100 * item.counted.get(name, 0) / item.total("counted") for item in items]
            ax.barh(y, shares, 0.75, left, color=CLASS_COLOURS[name], label=name.replace("_", " "))
            left = [begin + more for begin, more in zip(left, shares, strict=True)]
        for place, item in zip(y, items, strict=True):
            ax.text(102, place, f"{item.total('counted'):.1f}", va="center", fontsize=8)
        ax.set_title(f"{source} data; at the right: flips per operation")
        ax.set_xlabel("% of the counted flips")
        ax.set_xlim(0, 118)
        ax.set_xticks(range(0, 101, 20))
        ax.grid(axis="y", visible=False)
    figure.suptitle(f"b = {bits}, B = {width}", fontsize=9)
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    add_legend(figure, axes)
    return figure


def signed_saving(report: Report) -> Figure | None:
    """What unsigned MACs save of the signed ones' flips, against both widths."""
    savings = signed_savings(report)
    kinds = list(dict.fromkeys(item.kind for item in savings))
    if not savings:
        return None
    figure = Figure((WIDTH, 1.4 + 1.9 * len(kinds)), layout="constrained")
    axes = figure.subplots(len(kinds), len(report.widths), sharex=True, sharey=True, squeeze=False)
    for row, kind in zip(axes, kinds, strict=True):
        for ax, width in zip(row, report.widths, strict=True):
            here = [item for item in savings if (item.kind, item.width) == (kind, width)]
            _saving(ax, report, here)
            ax.set_title(f"{_KINDS[kind]}, B = {width}")
    for ax in axes[-1]:
        _bits_axis(ax, report, "operand width b (bits)")
    for ax in axes[:, 0]:
        ax.set_ylabel("saving, % of signed")
    add_legend(figure, list(axes.ravel()))
    return figure


def _saving(ax: Axes, report: Report, savings: Sequence[Saving]) -> None:
    for source in report.sources:
        items = [item for item in savings if item.source == source]
        colour, marker = SOURCE_MARKS[source]
        bits = _beside(report, source, [item.bits for item in items])
        _points(ax, bits, [item.counted for item in items], colour, marker, source)
    _formula(ax, {item.bits: item.formula for item in savings})
    ax.axhline(0, color=GREY, linewidth=0.8)


def unequal_widths(report: Report) -> Figure | None:
    """What narrowing one operand of a MAC saves."""
    items = narrowed(report)
    kinds = list(dict.fromkeys(item.kind for item in items))
    if not items:
        return None
    figure, axes = axes_row(len(kinds), 3.8)
    sources = list(dict.fromkeys((report.sources[0], report.sources[-1])))
    for ax, kind in zip(axes, kinds, strict=True):
        x_bits, width = items[0].x_bits, items[0].width
        for source in sources:
            colour, marker = SOURCE_MARKS[source]
            here = [item for item in items if (item.kind, item.source) == (kind, source)]
            bits = [item.w_bits for item in here]
            kept, cut = [item.kept for item in here], [item.cut for item in here]
            ax.plot(bits, kept, marker + "--", color=colour, markerfacecolor="white",
                    label=f"{source}, {x_bits} x {x_bits} kept")  # fmt: skip
            ax.plot(bits, cut, marker + "-", color=colour,
                    label=f"{source}, cut to {x_bits} x $b_w$")  # fmt: skip
        _formula(ax, {item.w_bits: item.formula for item in items if item.kind == kind})
        ax.set_title(f"{_KINDS[kind]}, B = {width}")
        _bits_axis(ax, report, "width of the narrow operand $b_w$ (bits)")
    axes[0].set_ylabel("flips per multiply-accumulate")
    axes[0].set_ylim(bottom=0)
    add_legend(figure, axes)
    return figure


def pann_adders(report: Report) -> Figure | None:
    """Flips per weight of PANN's adders against the width of activations."""
    width = _widest(report)
    names = {item.unit for item in report.select(group="pann", width=width)}
    items = [item for item in weights(report) if item.unit in names]
    if not items:
        return None
    figure, axes = axes_row(len(report.sources), 4.0)
    for ax, source in zip(axes, report.sources, strict=True):
        here = [item for item in items if item.source == source]
        for variant in dict.fromkeys(item.variant for item in items):
            mine = [item for item in here if item.variant == variant]
            bits = [item.bits for item in mine]
            kind, gated = variant.removesuffix(", gated"), variant.endswith(", gated")
            ax.plot(bits, [item.counted for item in mine], "--s" if gated else "-o",
                    color=_VARIANT_COLOURS[kind], markersize=3.5,
                    markerfacecolor="white" if gated else None, label=variant)  # fmt: skip
        for terms, colour in (("unary", BLACK), ("CSD", BLUE)):
            formula = {item.bits: item.formula for item in here if terms in item.variant}
            ax.plot(list(formula), list(formula.values()), ":", color=colour, linewidth=2,
                    label=f"formula, {terms} terms")  # fmt: skip
        ax.set_title(f"{source} data")
        _bits_axis(ax, report, "activation width bx (bits)")
    axes[0].set_ylabel(f"counted flips per weight, R = {report.additions:g}, B = {width}")
    axes[0].set_ylim(bottom=0)
    add_legend(figure, axes)
    return figure


PLOTS: dict[str, Callable[[Report], Figure | None]] = {
    "mac_flips": mac_flips,
    "model_errors": model_errors,
    "flip_classes": flip_classes,
    "signed_saving": signed_saving,
    "unequal_widths": unequal_widths,
    "pann_adders": pann_adders,
}
"""Name of the file -> draws the plot, or None where the report lacks what it shows."""


def _widest(report: Report) -> int:
    return 32 if 32 in report.widths else max(report.widths)


def _macs(report: Report, kind: str, width: int, **wanted: object) -> list[Measurement]:
    return report.select(group="mac", type="Mac", kind=kind, width=width, **wanted)


def _beside(report: Report, source: str, bits: Sequence[int]) -> list[float]:
    """Places on the axis of bits, a little apart for each kind of data."""
    shift = 0.12 * (report.sources.index(source) - (len(report.sources) - 1) / 2)
    return [each + shift for each in bits]


def _points(
    ax: Axes, x: Sequence[float], y: Sequence[float], colour: str, marker: str, label: str
) -> None:
    ax.plot(x, y, marker, color=colour, markeredgewidth=0, label=f"counted, {label}")


def _formula(ax: Axes, values: dict[int, float]) -> None:
    x = sorted(values)
    ax.plot(x, [values[each] for each in x], "-", color=BLACK, label="formula", zorder=1)


def _bits_axis(ax: Axes, report: Report, label: str) -> None:
    ax.set_xlabel(label)
    ax.set_xticks(report.bits)
