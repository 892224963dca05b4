"""All units of the RTL side by side in one design: one build serves the benches of all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from amaranth import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import SEGMENT
from rtl_gen.accumulator import GatedAccumulator
from rtl_gen.core import Core
from rtl_gen.drain import Drain
from rtl_gen.input_loader import InputLoader
from rtl_gen.lane import create_lane
from rtl_gen.max_pool import MaxPool
from rtl_gen.program_loader import ProgramLoader
from rtl_gen.registers import Registers
from rtl_gen.requantiser import Requantiser
from rtl_gen.row_buffer import RowBuffer, count_bits, row_layout
from rtl_gen.row_reader import RowReader
from rtl_gen.sequencer import Sequencer
from rtl_gen.term_memory import TermMemory, term_layout
from rtl_gen.term_stream import TermStream, term_control_layout
from rtl_gen.window_sequencer import WindowRequest, WindowSequencer
from sim.benches.ports import Ports

__all__ = ["CONFIG", "NARROW", "ONE_RAIL", "WIDE", "Units", "unit_ports", "units"]

CONFIG = AcceleratorConfig(
    lanes=4, cores=2, max_stride=4, activation_words=256, term_words=256, descriptor_words=512
)
"""A small accelerator with two rails and shifters."""

ONE_RAIL = replace(CONFIG, lane="unary", rails=1, window_slots=2)
"""The smallest lane, and rows that are only double-buffered."""

NARROW = 6
"""Width of the accumulators that are tested with all values."""

WIDE = 32
"""The widest accumulator that a configuration may have."""


class BufferedReader(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """A row reader that fills a row buffer."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(WindowRequest)),
                "segments": In(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "room": In(1),
                "flush": In(1),
                "accepted": Out(1),
                "address": Out(16),
                "read": Out(1),
                "word": In(data.ArrayLayout(config.operand_width, config.lanes)),
                "rows": Out(row_layout(config)),
                "filled": Out(count_bits(config)),
                "taps": Out(data.ArrayLayout(2, config.window_slots)),
                "channel_last": Out(config.window_slots),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = reader = RowReader(self._config)
        m.submodules.buffer = buffer = RowBuffer(self._config)
        connect(m, flipped(self.i), reader.i)
        m.d.comb += [
            reader.segments.eq(self.segments),
            reader.room.eq(self.room),
            reader.flush.eq(self.flush),
            reader.word.eq(self.word),
            self.accepted.eq(reader.accepted),
            self.address.eq(reader.address),
            self.read.eq(reader.read),
            buffer.flush.eq(self.flush),
            buffer.write.eq(reader.write),
            buffer.i.eq(reader.o),
            self.rows.eq(buffer.rows),
            self.filled.eq(buffer.filled),
            self.taps.eq(buffer.taps),
            self.channel_last.eq(buffer.channel_last),
        ]
        return m


class StoredTerms(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """A term stream that reads a term memory."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "write": In(1),
                "write_address": In(16),
                "term": In(term_layout(config).size),
                "jump": In(1),
                "target": In(16),
                "prepare": In(1),
                "enable": In(1),
                "run": In(1),
                "final_tile": In(1),
                "accepted": In(count_bits(config)),
                "filled": In(count_bits(config)),
                "blocking": Out(1),
                "done": Out(1, init=1),
                "o": Out(term_control_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.terms = terms = TermStream(self._config)
        m.submodules.store = store = TermMemory(self._config)
        for name in ("write", "write_address", "term"):
            m.d.comb += getattr(store, name).eq(getattr(self, name))
        for name in (
            "jump",
            "target",
            "prepare",
            "enable",
            "run",
            "final_tile",
            "accepted",
            "filled",
        ):
            m.d.comb += getattr(terms, name).eq(getattr(self, name))
        m.d.comb += [
            store.read.eq(terms.read),
            store.address.eq(terms.address),
            terms.word.eq(store.word),
            self.blocking.eq(terms.blocking),
            self.done.eq(terms.done),
            self.o.eq(terms.o),
        ]
        return m


@cache
def units() -> dict[str, wiring.Component]:
    """The units by name."""
    csd = {f"lane_csd_{shift}": replace(CONFIG, max_shift=shift) for shift in (1, 3, 7)}
    unary = {f"lane_unary_{rails}": replace(ONE_RAIL, rails=rails) for rails in (1, 2)}
    return {
        **{f"accumulator_{low}": GatedAccumulator(NARROW, low, NARROW) for low in range(1, NARROW)},
        "accumulator_short": GatedAccumulator(NARROW, 4, 2),
        "accumulator_wide": GatedAccumulator(WIDE, 5, 12),
        **{name: create_lane(config) for name, config in (csd | unary).items()},
        "requantiser": Requantiser(CONFIG),
        "requantiser_wide": Requantiser(replace(CONFIG, accumulator_width=WIDE)),
        "max_pool": MaxPool(CONFIG),
        "input_loader": InputLoader(CONFIG),
        "program_loader": ProgramLoader(CONFIG),
        "window_sequencer": WindowSequencer(CONFIG),
        "reader": BufferedReader(CONFIG),
        "terms": StoredTerms(CONFIG),
        "terms_one_rail": StoredTerms(ONE_RAIL),
        "core": Core(CONFIG),
        "core_one_rail": Core(ONE_RAIL),
        "drain": Drain(CONFIG),
        "registers": Registers(CONFIG),
        "sequencer": Sequencer(CONFIG),
    }


class Units(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """The units of :func:`units`, each with its ports under its name."""

    def __init__(self) -> None:
        self._units = units()
        super().__init__({name: Out(unit.signature) for name, unit in self._units.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, unit in self._units.items():
            m.submodules[name] = unit
            connect(m, flipped(getattr(self, name)), unit)
        return m


def unit_ports(dut: Any, name: str) -> Ports:
    """The ports of a unit of the design ``Units``."""
    return Ports(dut, units()[name], name)
