"""How well a program fills the adders of an accelerator, layer by layer, and what loses the rest.

Bundles issue pass after pass: the cores begin a pass when all of them have issued the one before.
So every cycle belongs to one pass, and every core of that cycle to one cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.schedule import Schedule
from pann_hw.machine.stream import Bundles
from pann_hw.program.program import Columns, Pass, Program

__all__ = ["CAUSES", "HEADINGS", "LayerUse", "joined", "layer_uses", "use_row", "use_rows"]

CAUSES = (
    "input_loading",
    "start",
    "drain",
    "idle_cores",
    "finished_cores",
    "stalled",
    "empty_places",
    "idle_lanes",
)
"""What slots are lost to; each slot to the first of them that holds for it."""

HEADINGS = (
    "layer",
    "cycles",
    "terms",
    "filled",
    "input",
    "start",
    "drain",
    "no channel",
    "early",
    "stalled",
    "no term",
    "no pixel",
)
"""Of the table of layers; from the slots filled on in % of all slots."""


@dataclass
class LayerUse:
    """What one inference makes of the adders of N lanes and C cores in one layer.

    A slot is one adder in one cycle. Each count from ``filled`` on is of slots, and ``slots`` is
    their sum.

    Attributes
    ----------
    layer : its name
    cycles : from the end of the layer before it; the first one's from the start, the last one's to
        the end of the inference
    slots : ``cycles * C * N * config.terms``
    terms : of all weights, each added once for every output pixel
    filled : the adder adds a term for an output that exists
    input_loading : the input is being stored; nothing else runs
    start : before the layer's first bundle: descriptor and first windows
    drain : after its last bundle: sums are requantised and stored, or sent out
    idle_cores : of cores without an output channel in the pass, as all are while max pooling
    finished_cores : of cores that are through with the pass before the slowest one
    stalled : of cores that wait, for windows or until the drain has taken their sums
    empty_places : places of bundles without a term
    idle_lanes : terms at lanes without a pixel
    """

    layer: str
    cycles: int = 0
    slots: int = 0
    terms: int = 0
    filled: int = 0
    input_loading: int = 0
    start: int = 0
    drain: int = 0
    idle_cores: int = 0
    finished_cores: int = 0
    stalled: int = 0
    empty_places: int = 0
    idle_lanes: int = 0


@dataclass(frozen=True, eq=False)
class _Issues:
    """What a pass issues: per active core the cycles of its bundles, tile after tile; for a linear
    pass the cycles in which all of its cores add, and the terms of each."""

    item: Pass
    cycles: tuple[np.ndarray, ...]
    terms: np.ndarray

    @property
    def first(self) -> int:
        return min(int(cycles[0]) for cycles in self.cycles)

    @property
    def last(self) -> int:
        return max(int(cycles[-1]) for cycles in self.cycles)


def layer_uses(program: Program, schedule: Schedule) -> list[LayerUse]:
    """The use of every layer, in order of execution, from the schedule of an inference.

    In a linear pass, where lanes are outputs, a term is a bit of an activation, and a cycle that
    adds a digit of the bias has none.
    """
    config = program.config
    uses = [LayerUse(name) for name in program.layer_names]
    layers: list[list[_Issues]] = [[] for _ in uses]
    ends = [0] * len(uses)
    for issues, end in zip(_passes(program, schedule), schedule.pass_ends, strict=True):
        layers[issues.item.layer].append(issues)
        ends[issues.item.layer] = int(end)
    ends[-1] = schedule.cycles
    begin = 0
    for use, passes, end in zip(uses, layers, ends, strict=True):
        _fill(use, passes, (begin, end), 0 if begin else schedule.input_cycles, config)
        begin = end
    return uses


def joined(layer: str, uses: Sequence[LayerUse]) -> LayerUse:
    """The sum of several layers, under a name of its own."""
    counts = ("cycles", "slots", "terms", "filled", *CAUSES)
    return LayerUse(layer, *(sum(getattr(use, name) for use in uses) for name in counts))


def use_row(use: LayerUse) -> tuple[object, ...]:
    """A layer's row of the table that HEADINGS is of."""
    parts = (getattr(use, name) for name in ("filled", *CAUSES))
    shares = (f"{100 * part / use.slots:.1f}" for part in parts)
    return (use.layer, use.cycles, use.terms, *shares)


def use_rows(uses: Sequence[LayerUse]) -> list[tuple[object, ...]]:
    """The rows of all layers, and of all together."""
    return [use_row(use) for use in (*uses, joined("all", uses))]


def _passes(program: Program, schedule: Schedule) -> Iterator[_Issues]:
    """The issues of each pass: a core issues every bundle of it once for every tile."""
    positions = [0] * program.config.cores
    linear = iter(schedule.linear)
    for item in program.passes:
        if item.columns:
            cycles, terms = next(linear).T
            yield _Issues(item, (cycles,) * item.channels, terms)
            continue
        found = []
        for core, bundles in enumerate(item.bundles):
            stop = positions[core] + len(bundles) * item.tiles
            found.append(schedule.issued[core][positions[core] : stop, 0])
            positions[core] = stop
        yield _Issues(item, tuple(found), np.zeros(0, np.int64))


def _fill(
    use: LayerUse,
    passes: list[_Issues],
    span: tuple[int, int],
    input_cycles: int,
    config: AcceleratorConfig,
) -> None:
    begin, end = span
    core_slots = config.lanes * config.terms
    cycle_slots = config.cores * core_slots
    use.cycles = end - begin
    use.slots = use.cycles * cycle_slots
    use.input_loading = input_cycles * cycle_slots
    begin += input_cycles
    if passes[0].item.pool:
        use.idle_cores = (end - begin) * cycle_slots
        return
    use.start = (passes[0].first - 1 - begin) * cycle_slots
    use.drain = (end - passes[-1].last) * cycle_slots
    before = passes[0].first - 1
    for issues in passes:
        last = issues.last
        use.idle_cores += (last - before) * (config.cores - len(issues.cycles)) * core_slots
        for cycles in issues.cycles:
            own_last = int(cycles[-1])
            use.finished_cores += (last - own_last) * core_slots
            use.stalled += (own_last - before - len(cycles)) * core_slots
        for bundles in issues.item.bundles:
            _add_bundles(use, issues.item, bundles, config)
        if issues.item.columns:
            _add_columns(use, issues, issues.item.columns, config)
        before = last


def _add_columns(
    use: LayerUse, issues: _Issues, columns: Columns, config: AcceleratorConfig
) -> None:
    """Slots of all cores of a linear pass."""
    item, terms = issues.item, int(issues.terms.sum())
    first = item.first_channel * columns.width
    outputs = min(columns.outputs, first + item.channels * columns.width) - first
    lanes = item.channels * config.lanes
    use.terms += terms
    use.filled += terms * outputs
    use.idle_lanes += terms * (lanes - outputs)
    use.empty_places += (len(issues.terms) * config.terms - terms) * lanes


def _add_bundles(use: LayerUse, item: Pass, bundles: np.ndarray, config: AcceleratorConfig) -> None:
    """Slots of the bundles of one core, which are issued for every tile."""
    terms = sum(map(len, Bundles.of(config, bundles).terms))
    pixels = item.output.shape[1] * item.output.shape[2]
    use.terms += terms
    use.filled += terms * pixels
    use.idle_lanes += terms * (item.tiles * config.lanes - pixels)
    use.empty_places += (len(bundles) * config.terms - terms) * item.tiles * config.lanes
