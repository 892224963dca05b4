"""A core: N lanes that share one stream of terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from rtl_gen.lane import create_lane
from rtl_gen.linear_stream import linear_layout
from rtl_gen.row_buffer import choose_row, rows_layout
from rtl_gen.term_stream import control_layout
from rtl_gen.weight_memory import column_layout

__all__ = ["Core", "sums_layout"]


def sums_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """An accumulator for each lane."""
    return data.ArrayLayout(signed(config.accumulator_width), config.lanes)


class Core(wiring.Component):
    """``sum[i] = sum over terms of ± row[i + offset - 1] times the factor``.

    One output channel, N output pixels. A tile's sums are copied when its last bundle is added, so
    that the next tile goes on while they are taken away. Lanes that are off, neighbours beyond a
    lane's row of the grid, and places without a term see 0.

    In a linear pass lanes are outputs: every place adds the magnitude of the lane's weight, with
    the weight's sign.

    Parameters
    ----------
    config : lanes, their kind and number of terms, windows, columns of weights, operand_registers

    Members
    -------
    lane_on : In(lanes), lanes that own a pixel, or an output
    sums : Out, of the finished tile
    ready : Out(1), ``sums`` are complete; until ``taken`` : In(1)
    with windows: left_edge, right_edge : In(lanes), lanes without a left, or a right, neighbour;
        rows : In, the row buffer; control : In(control_layout)
    with columns of weights: linear_on : In(1), a linear pass; linear : In(linear_layout); column :
        In, a weight for each lane

    Latency: two cycles from the last bundle's ``control`` to ``ready``, one more with
    operand_registers. Throughput: one bundle per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        # Of the bundle that is added.
        self._control: Any = None
        members = {
            "lane_on": In(config.lanes),
            "sums": Out(sums_layout(config)),
            "ready": Out(1),
            "taken": In(1),
        }
        if config.windows:
            members |= {
                "left_edge": In(config.lanes),
                "right_edge": In(config.lanes),
                "rows": In(rows_layout(config)),
                "control": In(control_layout(config)),
            }
        if config.linear:
            members |= {
                "linear_on": In(1),
                "linear": In(linear_layout(config)),
                "column": In(column_layout(config)),
            }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lanes = config.lanes
        places = []
        if config.windows:
            self._control = self.control
        domain = m.d.comb
        if config.operand_registers:
            self._control = held = Signal(control_layout(config), name="held_control")
            m.d.sync += held.eq(self.control)
            domain = m.d.sync
        for number in range(config.terms):
            operand = Signal(data.ArrayLayout(config.operand_width, lanes), name=f"operand{number}")
            chosen = self._place(m, number)
            domain += [operand[lane].eq(chosen.operands[lane]) for lane in range(lanes)]
            places.append((operand, chosen))

        accumulators = Signal(sums_layout(config))
        enable, clear, last = (self._either(name) for name in ("enable", "clear", "last"))
        turn = self._turn(m) if config.unsigned else None
        for index in range(lanes):
            lane = create_lane(config)
            m.submodules[f"lane_{index}"] = lane
            m.d.comb += [
                lane.enable.eq(enable & (self.lane_on[index] | clear)),
                lane.clear.eq(clear),
                accumulators[index].eq(lane.value),
            ]
            if turn is not None:
                m.d.comb += lane.turn.eq(turn)
            if config.linear:
                m.d.comb += lane.scale.eq(self.linear.scale & self.linear_on)
            for number, (operand, place) in enumerate(places):
                m.d.comb += [
                    lane.x[number].eq(operand[index]),
                    lane.factor[number].eq(place.factor),
                ]
                if turn is None:
                    m.d.comb += lane.negative[number].eq(place.negative[index])

        finished = Signal()
        copied = Signal(sums_layout(config), reset_less=True)
        m.d.comb += self.sums.eq(copied)
        m.d.sync += finished.eq(last)
        with m.If(finished):
            m.d.sync += [copied.eq(accumulators), self.ready.eq(1)]
        with m.Elif(self.taken):
            m.d.sync += self.ready.eq(0)
        return m

    def _turn(self, m: Module) -> Value:
        """Whether a bundle's sign is another than that of what is in the accumulators."""
        control = self.control
        negative = Cat(*(term.negative & term.active for term in control.terms)).any()
        negated = Signal()
        with m.If(control.enable):
            m.d.sync += negated.eq(negative)
        turn = (negative != negated) & ~control.clear
        if not self._config.operand_registers:
            return turn
        held = Signal(name="held_turn")
        m.d.sync += held.eq(turn & control.enable)
        return held

    def _either(self, name: str) -> Value:
        """A signal of control, from whichever pass is under way."""
        found = []
        if self._config.windows:
            found.append(self._control[name])
        if self._config.linear:
            found.append(self.linear[name] & self.linear_on)
        return found[0] if len(found) == 1 else found[0] | found[1]

    def _place(self, m: Module, number: int) -> _Place:
        """What a place of the lanes adds."""
        if not self._config.linear:
            return self._pixels(m, number)
        weights = self._weights(number)
        if not self._config.windows:
            return weights
        pixels, on = self._pixels(m, number), self.linear_on
        return _Place(
            [Mux(on, *pair) for pair in zip(weights.operands, pixels.operands, strict=True)],
            [Mux(on, *pair) for pair in zip(weights.negative, pixels.negative, strict=True)],
            Mux(on, weights.factor, pixels.factor),
        )

    def _pixels(self, m: Module, number: int) -> _Place:
        """A term of the bundle: lanes see their pixels."""
        config = self._config
        width, lanes = config.operand_width, config.lanes
        term = self.control.terms[number]
        row = Signal(data.ArrayLayout(width, lanes), name=f"row{number}")
        m.d.comb += row.eq(choose_row(self.rows, term.slot))
        operands = []
        for lane in range(lanes):
            left = row[lane - 1] if lane else Const(0, width)
            right = row[lane + 1] if lane + 1 < lanes else Const(0, width)
            beyond = (self.left_edge[lane] & (term.offset == 0)) | (
                self.right_edge[lane] & (term.offset == 2)
            )
            gate = term.active & self.lane_on[lane] & ~beyond
            chosen = Array([left, row[lane], right])[term.offset]
            operands.append(chosen & gate.replicate(width))
        added = self._control.terms[number]
        return _Place(operands, [added.negative & added.active] * lanes, added.factor)

    def _weights(self, number: int) -> _Place:
        """A bit of the activation: lanes see their weights."""
        term = self.linear.terms[number]
        on = term.active & self.linear_on
        operands = [
            weight.magnitude & on.replicate(self._config.weight_width - 1) for weight in self.column
        ]
        return _Place(operands, [weight.negative & on for weight in self.column], term.shift)


@dataclass(frozen=True)
class _Place:
    """Operand and sign of each lane, and the factor of all."""

    operands: list[Value]
    negative: list[Value]
    factor: Value
