"""Ways to quantise whose costs in gates are worth comparing: fewest terms against fewest bits."""

from __future__ import annotations

from benchmarks.columns import post_training, trained, uniform
from pann_hw.quantise.training import Schedule

__all__ = ["FRONTIER", "SCHEDULE"]

_BUDGETS = ("16.5", "14", "12", "11", "10", "8", "7", "6")
_WIDTHS = ((2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (4, 5), (4, 6), (5, 6), (6, 5))
_NARROW = (("12", 5), ("9", 6), ("8", 6), ("7", 6))
_TRAINED = (("6", 8), ("5", 8), ("6", 4), ("4.5", 4), ("3.5", 4))
_TRAINED_WIDTHS = ((3, 3), (3, 4), (4, 4), (5, 4), (5, 5))
_TRAINED_MAGNITUDES = ((3, 5), (4, 4), (4, 5))

SCHEDULE = Schedule(epochs=20, rate=5e-3, flip=True)
"""Of both sides. Where weights have few values a step is far to go: the default rate, which suits
post-training networks of many terms, leaves the training loss where it was."""

FRONTIER = {
    column.name: column
    for column in (
        *(post_training(budget, "csd") for budget in _BUDGETS),
        *(post_training(budget, "csd", widest=widest) for budget, widest in _NARROW),
        *(trained(budget, "csd", widest, SCHEDULE) for budget, widest in _TRAINED),
        *(
            uniform(bits, signed=signed, activation_bits=x_bits)
            for signed in (False, True)
            for bits, x_bits in _WIDTHS
        ),
        *(
            uniform(bits, signed=True, activation_bits=x_bits, schedule=SCHEDULE)
            for bits, x_bits in _TRAINED_WIDTHS
        ),
        *(
            uniform(bits, signed=False, activation_bits=x_bits, schedule=SCHEDULE)
            for bits, x_bits in _TRAINED_MAGNITUDES
        ),
    )
}
"""By the names that the command line takes, in the table's order."""
