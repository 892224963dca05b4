"""Ways to quantise whose costs in gates are worth comparing: fewest terms against fewest bits."""

from __future__ import annotations

from benchmarks.columns import post_training, uniform

__all__ = ["FRONTIER"]

_BUDGETS = ("16.5", "14", "12", "11", "10", "8", "7", "6")
_WIDTHS = ((2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (4, 5), (4, 6), (5, 6), (6, 5))

FRONTIER = {
    column.name: column
    for column in (
        *(post_training(budget, "csd") for budget in _BUDGETS),
        *(
            uniform(bits, signed=signed, activation_bits=x_bits)
            for signed in (False, True)
            for bits, x_bits in _WIDTHS
        ),
    )
}
"""By the names that the command line takes, in the table's order."""
