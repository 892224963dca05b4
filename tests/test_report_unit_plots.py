"""Plots: all of them from one report, the same bytes each time, without a display."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pann_hw.report.unit_plots import PLOTS, save_plots
from pann_hw.report.unit_store import save_report
from pann_hw.report.units import Report
from tests.unit_reports import invented_report

SHOWN = {
    "mac_flips": "mac",
    "signed_saving": "mac",
    "unequal_widths": "unequal",
    "pann_adders": "pann",
}
"""Plot -> the group that it shows."""


@pytest.fixture(scope="module")
def report() -> Report:
    return invented_report()


def test_every_plot_is_an_svg_file(report: Report, tmp_path: Path) -> None:
    files = save_plots(report, tmp_path)
    assert [path.stem for path in files] == list(PLOTS)
    assert set(tmp_path.iterdir()) == set(files)
    for path in files:
        assert ElementTree.parse(path).getroot().tag.endswith("}svg")


def test_another_process_draws_the_same_bytes(report: Report, tmp_path: Path) -> None:
    save_plots(report, tmp_path)
    (tmp_path / "again").mkdir()
    save_report(report, tmp_path / "units.json")
    code = (
        "import sys; from pathlib import Path; from pann_hw.report.unit_plots import save_plots\n"
        "from pann_hw.report.unit_store import load_report\n"
        "folder = Path(sys.argv[1])\n"
        "save_plots(load_report(folder / 'units.json'), folder / 'again')\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for name in PLOTS:
        first, again = (folder / f"{name}.svg" for folder in (tmp_path, tmp_path / "again"))
        assert first.read_bytes() == again.read_bytes(), name


def test_only_plots_that_have_something_to_show(report: Report, tmp_path: Path) -> None:
    assert save_plots(replace(report, measurements=()), tmp_path) == []
    for group in ("mac", "unequal", "pann", "residual"):
        rest = replace(report, measurements=tuple(report.select(group=group)))
        drawn = {path.stem for path in save_plots(rest, tmp_path)}
        expected = {name for name, shown in SHOWN.items() if shown == group}
        assert drawn == expected | {"model_errors", "flip_classes"}, group


def test_one_width_and_one_kind_of_data(tmp_path: Path) -> None:
    report = invented_report((8,))
    one = replace(report, sources=("sparse",), measurements=tuple(report.select(source="sparse")))
    assert {path.stem for path in save_plots(one, tmp_path)} == set(PLOTS)


def test_axes_and_lines_are_named(report: Report) -> None:
    flips = ("mac_flips", "unequal_widths", "pann_adders")
    for name, draw in PLOTS.items():
        figure = draw(report)
        assert figure is not None
        below = {ax.get_xlabel() for ax in figure.axes} - {""}
        beside = {ax.get_ylabel() for ax in figure.axes} - {""}
        if name in flips:
            assert all("flips per" in text for text in beside), name
            assert all("(bits)" in text for text in below), name
        assert any("flips" in text or "%" in text for text in below | beside), name
        [legend] = figure.legends
        assert len(legend.get_texts()) >= 3, name


def test_lines_show_the_report(report: Report) -> None:
    figure = PLOTS["mac_flips"](report)
    assert figure is not None
    points = {
        line.get_label(): np.asarray(line.get_path().vertices) for line in figure.axes[1].lines
    }
    assert points["formula"].round().tolist() == [[2, 20], [4, 32], [8, 68]]
    assert points["counted, sparse"].round().tolist() == [[2, 10], [4, 16], [8, 34]]
