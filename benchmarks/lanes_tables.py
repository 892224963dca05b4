"""Measured lanes as tables: what is asked of the method, and every lane beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.accuracy_tables import Table
from benchmarks.lanes_run import Measured
from benchmarks.lanes_variants import GROUPS, METHOD, VARIANTS

__all__ = ["ASKED", "Asked", "Found", "best_conventional", "tables"]

_CONVENTIONAL = "mac-"
_WITHIN = 0.005
"""Accuracy that may be lost, as a part of the test samples."""

_HEADINGS = (
    "lane", "cycles", "fJ", "of the method", "error %", "lane logic", "settled", "lane clock",
    "select", "control", "lane um2", "core um2",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Found:
    """All that was measured.

    Attributes
    ----------
    lanes, images, windows : of a core, of which tiles are, of a tile
    float_accuracy : of the float network, part of the test samples
    accuracies : by network, of integers, part of the test samples
    results : of variants on technologies
    """

    lanes: int
    images: int
    windows: int
    float_accuracy: float
    accuracies: Mapping[str, float]
    results: Sequence[Measured]

    @property
    def technologies(self) -> list[str]:
        """Names, in the order of measuring."""
        return list(dict.fromkeys(one.technology for one in self.results))

    def on(self, technology: str) -> dict[str, Measured]:
        """What was measured on a technology, by variant."""
        return {one.variant: one for one in self.results if one.technology == technology}

    def accurate(self, variant: str) -> bool:
        """Whether a variant's network loses no more than 0.5 percentage points."""
        accuracy = self.accuracies[VARIANTS[variant].network]
        return accuracy >= self.float_accuracy - _WITHIN

    def plain(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            **{name: value for name, value in vars(self).items() if name != "results"},
            "results": [one.plain() for one in self.results],
            "asked": [
                {
                    **asdict(one),
                    "found": {name: one.value(self, name) for name in self.technologies},
                }
                for one in ASKED
            ],
        }


@dataclass(frozen=True)
class Asked:
    """A ratio of two lanes, and what it must be.

    Attributes
    ----------
    title : in tables
    figure : "energy" or "area"
    over, under : names of variants; "best" for the best conventional lane
    least, most : of the ratio, None where nothing is asked
    """

    title: str
    figure: str
    over: str
    under: str
    least: float | None = None
    most: float | None = None

    def value(self, found: Found, technology: str) -> float | None:
        """The ratio; None where a lane is not measured."""
        measured = found.on(technology)
        pair = []
        for name in (self.over, self.under):
            one = best_conventional(found, technology) if name == "best" else measured.get(name)
            if one is None:
                return None
            pair.append(float(getattr(one, self.figure)))
        return pair[0] / pair[1]

    @property
    def limit(self) -> str:
        """What is asked, for people."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return "-" if self.most is None else f"at most {self.most:g}"

    def met(self, value: float) -> bool:
        """Whether a ratio is as asked."""
        over = self.least is not None and value < self.least
        return not (over or (self.most is not None and value > self.most))


_NAME, _NARROW = METHOD.name, "method-narrow"

ASKED: Sequence[Asked] = (
    Asked("energy: best conventional lane, all tricks / method", "energy", "best", _NAME, 1.5),
    Asked("energy: plain signed 8-bit MAC / method", "energy", "signed-8", _NAME, 5.0),
    Asked("energy: the same / method with 6-bit operands", "energy", "best", _NARROW, 1.5),
    Asked("area per lane: best conventional lane / method", "area", "best", _NAME, 2.0),
    Asked("area per lane: the same / method with 6-bit operands", "area", "best", _NARROW, 2.0),
    Asked("energy: method / plain signed 2-bit MAC", "energy", _NAME, "signed-2", most=1.0),
    Asked(
        "energy: method / plain signed 2-bit MAC, accumulator of 24 bits",
        "energy", _NAME, "signed-2-wide", most=1.0,
    ),
    *(
        Asked(
            f"{title}: multiplier 4 x 6 in the unsigned accumulator / method with 6-bit operands",
            figure, "mac-4x6-unsigned", _NARROW,
        )
        for title, figure in (("energy", "energy"), ("area per lane", "area"))
    ),
    Asked("energy: two unsigned sums, CSD / method", "energy", "sums", _NAME),
    Asked("area per lane: two unsigned sums, CSD / method", "area", "sums", _NAME),
)  # fmt: skip
"""What is asked of the method, and what stands beside it."""


def best_conventional(found: Found, technology: str) -> Measured | None:
    """The multiplying lane of signed accumulators that takes least, of accurate networks."""
    able = [
        one
        for name, one in found.on(technology).items()
        if name.startswith(_CONVENTIONAL)
        and not VARIANTS[name].config.unsigned
        and found.accurate(name)
    ]
    return min(able, key=lambda one: one.energy, default=None)


def tables(found: Found) -> list[Table]:
    """What is asked, the networks, and a table of lanes for each technology and group."""
    technologies = found.technologies
    asked = Table(
        "Ratios; in brackets where one is not as asked",
        ("ratio", "asked", *technologies),
        [
            (one.title, one.limit, *(_ratio(one, found, name) for name in technologies))
            for one in ASKED
        ],
    )
    networks = Table(
        f"Networks; the float network classifies {100 * found.float_accuracy:.2f} % as labelled",
        ("network", "accuracy %"),
        [(name, f"{100 * value:.2f}") for name, value in found.accuracies.items()],
    )
    return [asked, networks, *_lanes(found)]


def _ratio(one: Asked, found: Found, technology: str) -> str:
    value = one.value(found, technology)
    if value is None:
        return "-"
    return f"{value:.2f}" if one.met(value) else f"({value:.2f})"


def _lanes(found: Found) -> Iterator[Table]:
    for technology in found.technologies:
        measured = found.on(technology)
        own = measured.get(METHOD.name)
        for group in GROUPS:
            shown = [one for name, one in measured.items() if VARIANTS[name].group == group]
            if shown:
                yield Table(f"{technology}: {group}", _HEADINGS, [_row(one, own) for one in shown])


def _row(one: Measured, method: Measured | None) -> Sequence[str]:
    digits = 0 if one.energy >= 1000 else 1
    number: Callable[[float], str] = lambda value: f"{value:.{digits}f}"  # noqa: E731
    relative = f"{one.energy / method.energy:.2f}" if method else "-"
    return (
        VARIANTS[one.variant].title,
        f"{one.cycles:.2f}",
        number(one.energy),
        relative,
        f"{100 * one.deviation:.1f}",
        *map(
            number,
            (one.lane_logic, one.lane_settled, one.lane_clock, one.select, one.control),
        ),
        f"{one.area:.{0 if one.area >= 100 else 1}f}",
        f"{one.core_area:.{0 if one.area >= 100 else 1}f}",
    )
