"""The plot of the operating points: what it shows, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from benchmarks.operating_points_plot import draw, save_plot
from benchmarks.operating_points_run import BUDGETS
from pann_hw.machine.flips import CLASSES
from tests.benchmark_data import RESULT


def places(line: Line2D) -> np.ndarray:
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_bars_add_up_to_the_counted_flips() -> None:
    bars, _ = draw(RESULT).axes
    heights = np.array([patch.get_height() for patch in bars.patches])  # type: ignore[attr-defined]
    stacked = heights.reshape(len(CLASSES), len(BUDGETS)).sum(0)
    np.testing.assert_allclose(stacked, [point.flips.mean() for point in RESULT.points])
    [marks] = bars.lines
    np.testing.assert_allclose(places(marks)[:, 1], stacked)
    assert [label.get_text() for label in bars.get_xticklabels()] == list(BUDGETS)
    assert "(2 images)" in bars.get_ylabel()


def test_accuracy_and_agreement_are_against_counted_flips() -> None:
    _, rates = draw(RESULT).axes
    lines = {str(line.get_label()): line for line in rates.lines}
    for label, name in (("accuracy", "accuracy"), ("agreement with float", "agreement")):
        expected = [
            (point.flips.mean(), 100 * getattr(point.quality, name)) for point in RESULT.points
        ]
        np.testing.assert_allclose(places(lines[label]), expected)
    np.testing.assert_allclose(places(lines["float accuracy"])[:, 1], 88)
    assert "1017 test images" in rates.get_ylabel()


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        save_plot(RESULT, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
