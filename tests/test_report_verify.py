"""Where values differ: the first place, how many of how many, what was expected and found."""

from __future__ import annotations

import numpy as np

from pann_hw.report.verify import Mismatch, difference


def test_equal_values_do_not_differ() -> None:
    values = np.arange(24).reshape(2, 3, 2, 2)
    assert difference("rtl", "y", values, values.copy()) is None


def test_first_of_all_that_differ_is_told() -> None:
    expected = np.arange(48).reshape(4, 3, 2, 2)
    found = expected.copy()
    found[2, 1, 0, 1] = -5
    found[2, 1, 1, 0] = found[3, 0, 0, 0] = 99
    mismatch = difference("rtl", "y", expected, found, first_image=10)
    assert mismatch == Mismatch("rtl", "y", 12, 1, 0, 1, 29, -5, 3, 48)
    assert str(mismatch) == (
        "rtl: layer 'y': 3 of 48 elements differ; first in image 12 at channel 1, row 0, column 1: "
        "expected 29, found -5"
    )
