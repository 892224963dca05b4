"""A core to measure lanes in: registered control, operand select, lanes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amaranth import Array, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import factor_bits

__all__ = ["LaneCore", "Structure", "latency"]


@dataclass(frozen=True)
class Structure:
    """What surrounds the lanes.

    Attributes
    ----------
    slots : windows that the operand select chooses from
    holds : places without a term keep their operand, and lanes do not add it; else it becomes 0
    shifts : operands are shifted before the select
    registers : there is a register between select and lanes
    """

    slots: int
    holds: bool = False
    shifts: bool = False
    registers: bool = False


def latency(structure: Structure) -> int:
    """Cycles from a term at the ports to the lanes' value."""
    return 2 + structure.registers


class LaneCore(wiring.Component):
    """``value[i] = sum over terms of ± rows[slot][i + offset - 1] times the factor``.

    As :class:`rtl_gen.core.Core`, without the copy of finished sums. The registers of control are
    its own, so that they count; those of the rows are not, so that rows come a cycle later.

    Parameters
    ----------
    config : lanes, terms, widths
    structure : what surrounds the lanes
    create : makes a lane, with the members of :class:`rtl_gen.lane.Lane`; ``active``, where it has
        it, tells it which places have a term

    Members
    -------
    enable, clear : In(1), of a cycle, and of the first of a tile
    active, negative : In(terms); slot, offset, factor : In, one for each term
    rows : In, operands by slot and lane; left_edge, right_edge : In(lanes), lanes without a
        neighbour
    value : Out, of all lanes, the first lowest

    Latency: as :func:`latency`. Throughput: one cycle's terms per cycle.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        structure: Structure,
        create: Callable[[], wiring.Component],
    ) -> None:
        self._config = config
        self._structure = structure
        self._lanes = [create() for _ in range(config.lanes)]
        self._value_width = len(Value.cast(self._lanes[0].value))
        places, lanes = config.terms, config.lanes
        row = data.ArrayLayout(config.operand_width, lanes)
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "active": In(places),
                "negative": In(places),
                "slot": In(data.ArrayLayout((structure.slots - 1).bit_length(), places)),
                "offset": In(data.ArrayLayout(2, places)),
                "factor": In(data.ArrayLayout(factor_bits(config), places)),
                "rows": In(data.ArrayLayout(row, structure.slots)),
                "left_edge": In(lanes),
                "right_edge": In(lanes),
                "value": Out(self._value_width * lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, structure = self._config, self._structure
        m.submodules.control = control = _Control(config, structure)
        m.d.comb += [
            getattr(control, name).eq(getattr(self, name))
            for name in ("enable", "clear", "active", "negative", "slot", "offset", "factor")
        ]
        operands = []
        for place in range(config.terms):
            select = _Select(config, structure)
            m.submodules[f"select_{place}"] = select
            m.d.comb += [
                select.rows.eq(self.rows),
                select.left_edge.eq(self.left_edge),
                select.right_edge.eq(self.right_edge),
                select.slot.eq(control.to_select.slot[place]),
                select.offset.eq(control.to_select.offset[place]),
                select.factor.eq(control.to_select.factor[place]),
                select.open.eq(control.open[place]),
            ]
            operands.append(select.operands)
        for index, lane in enumerate(self._lanes):
            m.submodules[f"lane_{index}"] = lane
            start = index * self._value_width
            m.d.comb += [
                lane.enable.eq(control.to_lanes.enable),
                lane.clear.eq(control.to_lanes.clear),
                lane.factor.eq(control.to_lanes.factor),
                self.value[start : start + self._value_width].eq(lane.value),
            ]
            m.d.comb += [
                Value.cast(lane.x[place]).eq(operands[place][index])
                for place in range(config.terms)
            ]
            for name in ("turn", "negative", "active"):
                if name in lane.signature.members:
                    m.d.comb += getattr(lane, name).eq(control.to_lanes[name])
        return m


def _terms_layout(config: AcceleratorConfig, structure: Structure) -> data.StructLayout:
    places = config.terms
    return data.StructLayout(
        {
            "enable": 1,
            "clear": 1,
            "turn": 1,
            "active": places,
            "negative": places,
            "slot": data.ArrayLayout((structure.slots - 1).bit_length(), places),
            "offset": data.ArrayLayout(2, places),
            "factor": data.ArrayLayout(factor_bits(config), places),
        }
    )


class _Control(wiring.Component):
    """Registers of a cycle's terms, which keep what places without a term had.

    The lanes' come a cycle later where there are registers in front of them.
    """

    def __init__(self, config: AcceleratorConfig, structure: Structure) -> None:
        self._config = config
        self._structure = structure
        places = config.terms
        layout = _terms_layout(config, structure)
        super().__init__(
            {
                "enable": In(1),
                "clear": In(1),
                "active": In(places),
                "negative": In(places),
                **{name: In(layout[name].shape) for name in ("slot", "offset", "factor")},
                "to_select": Out(layout),
                "to_lanes": Out(layout),
                "open": Out(places),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        now = Signal(_terms_layout(self._config, self._structure))
        held = Signal(_terms_layout(self._config, self._structure))
        m.d.sync += [held.enable.eq(self.enable), held.clear.eq(self.clear)]
        m.d.sync += held.active.eq(self.active)
        for place in range(self._config.terms):
            with m.If(self.active[place]):
                m.d.sync += held.negative[place].eq(self.negative[place])
                m.d.sync += [
                    getattr(held, name)[place].eq(getattr(self, name)[place])
                    for name in ("slot", "offset", "factor")
                ]
        negative = held.negative & held.active
        negated = Signal()
        with m.If(held.enable):
            m.d.sync += negated.eq(negative.any())
        m.d.comb += [
            now.eq(held),
            now.negative.eq(negative),
            now.turn.eq((negative.any() != negated) & ~held.clear),
            self.to_select.eq(now),
        ]
        if self._structure.registers:
            m.d.sync += self.to_lanes.eq(now)
        else:
            m.d.comb += self.to_lanes.eq(now)
        # What is held must not be added to a sum that is cleared or negated.
        holding = Const(self._structure.holds, 1) & ~(held.clear | now.turn)
        m.d.comb += self.open.eq(held.active | holding.replicate(self._config.terms))
        return m


class _Select(wiring.Component):
    """A place's operand for each lane: of the slot's row its own pixel, or a neighbour's."""

    def __init__(self, config: AcceleratorConfig, structure: Structure) -> None:
        self._config = config
        self._structure = structure
        self._width = config.operand_width + (config.shift if structure.shifts else 0)
        row = data.ArrayLayout(config.operand_width, config.lanes)
        super().__init__(
            {
                "rows": In(data.ArrayLayout(row, structure.slots)),
                "left_edge": In(config.lanes),
                "right_edge": In(config.lanes),
                "slot": In((structure.slots - 1).bit_length()),
                "offset": In(2),
                "factor": In(factor_bits(config)),
                "open": In(1),
                "operands": Out(data.ArrayLayout(self._width, config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, width = self._config.lanes, self._width
        row = Signal(data.ArrayLayout(width, lanes))
        for lane in range(lanes):
            pixel: Value = Array(Value.cast(rows[lane]) for rows in self.rows)[self.slot]
            if self._structure.shifts:
                pixel = pixel << self.factor
            m.d.comb += row[lane].eq(pixel)
        for lane in range(lanes):
            left = row[lane - 1] if lane else Const(0, width)
            right = row[lane + 1] if lane + 1 < lanes else Const(0, width)
            beyond = (self.left_edge[lane] & (self.offset == 0)) | (
                self.right_edge[lane] & (self.offset == 2)
            )
            chosen = Array([left, row[lane], right])[self.offset]
            operand = chosen & (self.open & ~beyond).replicate(width)
            if self._structure.registers:
                m.d.sync += self.operands[lane].eq(operand)
            else:
                m.d.comb += self.operands[lane].eq(operand)
        return m
