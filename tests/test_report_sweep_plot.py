"""The plot of a sweep: what it shows, on which scales, and the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from pann_hw.report.sweep_plot import draw_sweep, save_sweep_plot
from pann_hw.sweep.kinds import KINDS
from pann_hw.sweep.pareto import METRICS
from pann_hw.sweep.point import Point
from pann_hw.sweep.sweep import Sweep
from tests.sweep_problems import invented_sweep


def lines(figure: Figure) -> dict[str, np.ndarray]:
    [ax] = figure.axes
    return {
        str(line.get_label()): np.column_stack([line.get_xdata(), line.get_ydata()])
        for line in ax.lines
    }


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("widths", [False, True])
def test_all_points_and_the_front_are_there(metric: str, widths: bool) -> None:
    sweep = invented_sweep(metric, widths=widths)
    drawn = lines(draw_sweep(sweep))
    for encoding in sweep.encodings:
        expected = [
            (figures.flips, 100 * getattr(figures, metric))
            for point, figures in sweep.reached
            if point.encoding == encoding
        ]
        np.testing.assert_allclose(drawn[encoding], expected)
    front = [
        (figures.flips, 100 * getattr(figures, metric))
        for point, figures in sweep.reached
        if point in sweep.front
    ]
    np.testing.assert_allclose(drawn["Pareto front"][:-1], front)
    end = sweep.reached[-1][1].flips, front[-1][1]
    np.testing.assert_allclose(drawn["Pareto front"][-1], end)


def test_float_accuracy_is_a_line_where_accuracy_is_shown() -> None:
    drawn = lines(draw_sweep(invented_sweep()))
    np.testing.assert_allclose(drawn["float network"][:, 1], 93)
    for sweep in (invented_sweep("error"), replace(invented_sweep(), float_accuracy=None)):
        assert "float network" not in lines(draw_sweep(sweep))


def test_scales() -> None:
    for metric, scale in (("error", "log"), ("accuracy", "function")):
        [ax] = draw_sweep(invented_sweep(metric)).axes
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", scale)
    close = tuple(
        replace(one, figures=one.figures and replace(one.figures, accuracy=0.9))
        for one in invented_sweep().outcomes
    )
    [ax] = draw_sweep(replace(invented_sweep(), outcomes=close)).axes
    assert ax.get_yscale() == "linear"


def test_the_last_per_cent_have_room_and_all_points_are_inside() -> None:
    figure = draw_sweep(invented_sweep("agreement"))
    [ax] = figure.axes
    low, high = ax.get_ylim()
    assert low <= lines(figure)["mac-signed"][:, 1].min() and high > 100
    heights = ax.transData.transform([(1e6, rate) for rate in (80, 90, 98, 99)])[:, 1]
    assert heights[3] - heights[2] > (heights[1] - heights[0]) / 10
    assert (np.diff(heights) > 0).all()


def test_few_points_are_all_named_of_many_the_fronts_best() -> None:
    few = invented_sweep("error")
    assert sorted(labels(draw_sweep(few))) == sorted(point.label for point, _ in few.reached)
    many = invented_sweep("error", widths=True)
    named = labels(draw_sweep(many))
    assert {"5flips b5", "2bit b5", "3bit b5"} <= set(named)
    assert set(named) <= {point.label for point in many.front}
    assert len(named) < len(many.reached) / 2


def test_points_at_one_place_share_a_label() -> None:
    sweep = invented_sweep()
    first = sweep.reached[0][1]
    twins = [replace(sweep.outcomes[-1], point=Point("mac-signed", None, bits), figures=first)
             for bits in (2, 3)]  # fmt: skip
    assert labels(draw_sweep(replace(sweep, outcomes=tuple(twins)))) == ["b2, b3"]


def test_one_point_is_drawn() -> None:
    sweep = replace(invented_sweep(), outcomes=invented_sweep().outcomes[-1:])
    assert len(lines(draw_sweep(sweep))["mac-signed"]) == 1


def test_axes_are_named() -> None:
    for metric, text in (("accuracy", "accuracy, % (1000 images)"),
                         ("agreement", "float network, % (1000 images)"),
                         ("error", "variance (1000 images)")):  # fmt: skip
        [ax] = draw_sweep(invented_sweep(metric)).axes
        assert ax.get_xlabel() == "predicted bit flips per inference"
        assert ax.get_ylabel().endswith(text)


def every_kind() -> Sweep:
    sweep = invented_sweep()
    figures = sweep.reached[0][1]
    outcomes = tuple(
        replace(sweep.outcomes[-1], point=Point(name, None, bits), figures=figures)
        for name in KINDS
        for bits in (4, 5)
    )
    return replace(sweep, encodings=tuple(KINDS), outcomes=outcomes)


def test_every_encoding_has_its_own_colour_and_marker() -> None:
    [ax] = draw_sweep(every_kind()).axes
    styles = {(line.get_color(), line.get_marker()) for line in ax.lines[1:-1]}
    assert len(styles) == len(KINDS)


def test_another_process_draws_the_same_bytes(tmp_path: Path) -> None:
    save_sweep_plot(invented_sweep(), tmp_path / "a.svg")
    code = (
        "import sys; from pathlib import Path\n"
        "from pann_hw.report.sweep_plot import save_sweep_plot\n"
        "from tests.sweep_problems import invented_sweep\n"
        "save_sweep_plot(invented_sweep(), Path(sys.argv[1]))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.svg")], check=True)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("}svg")
