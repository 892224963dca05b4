"""All units of the RTL side by side in one design: one build serves the benches of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from amaranth import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pann_hw.config import AcceleratorConfig
from rtl_gen.accumulator import GatedAccumulator, UnsignedAccumulator, create_accumulator
from rtl_gen.core import Core
from rtl_gen.descriptor_reader import DescriptorReader
from rtl_gen.drain import Drain
from rtl_gen.input_loader import InputLoader
from rtl_gen.lane import create_lane
from rtl_gen.linear_stream import LinearStream
from rtl_gen.max_pool import MaxPool
from rtl_gen.program_loader import ProgramLoader
from rtl_gen.registers import Registers
from rtl_gen.requantiser import Requantiser
from rtl_gen.row_buffer import RowBuffer, count_bits, row_layout, rows_layout
from rtl_gen.row_reader import RowReader
from rtl_gen.sequencer import Sequencer
from rtl_gen.store_port import StorePort
from rtl_gen.term_memory import TermMemory
from rtl_gen.term_stream import TermStream, control_layout
from rtl_gen.weight_memory import WeightMemory
from rtl_gen.window_sequencer import WindowRequest, WindowSequencer
from sim.benches.ports import Ports

__all__ = [
    "BEATS",
    "COLUMNS",
    "CONFIG",
    "DIGIT_BITS",
    "FOUR_TERMS",
    "FOUR_WORDS",
    "INPUTS",
    "LANES",
    "LINEAR",
    "LOADERS",
    "MANY_CORES",
    "MANY_LANES",
    "MULTIPLYING",
    "NARROW",
    "ONE_RAIL",
    "PARTS",
    "PARTS_OF_BEATS",
    "REGISTERS",
    "TWO_WORDS",
    "UNSIGNED",
    "UNSIGNED_ADDEND_BITS",
    "WIDE",
    "WISHBONE",
    "WISHBONE_DEPTH",
    "Units",
    "unit_ports",
    "units",
]

CONFIG = AcceleratorConfig(
    lanes=4, cores=2, rails=2, low_bits=5, window_slots=8,
    activation_words=256, term_words=256, descriptor_words=512,
)  # fmt: skip
"""A small accelerator with two rails and shifters."""

ONE_RAIL = replace(CONFIG, lane="unary", rails=1, accumulator="signed", banks=1, window_slots=4)
"""The smallest lane with subtractions, and a single bank."""

UNSIGNED = {
    "one_term": replace(CONFIG, rails=1, window_slots=16),
    "two_terms": replace(CONFIG, rails=1, terms_per_rail=2, max_shift=7, low_bits=8),
    "unary": replace(CONFIG, rails=1, lane="unary", banks=1, window_slots=4, low_bits=8),
    "product": replace(CONFIG, rails=1, lane="mac", multiplier_width=4, low_bits=24),
}
"""Unsigned accumulators under every kind of lane that has them; one of a single part."""

FOUR_TERMS = replace(CONFIG, max_shift=7, terms_per_rail=2, banks=4, window_slots=16)
"""Four terms a cycle, whose bundles take two words of the program stream."""

MANY_LANES = replace(CONFIG, lanes=16)
"""Lanes whose windows are turned by up to 15."""

MANY_CORES = replace(FOUR_TERMS, cores=6)
"""More cores than banks."""

PARTS = replace(MANY_LANES, requantise_lanes=4)
"""Words that are requantised in four parts."""

TWO_WORDS = replace(FOUR_TERMS, cores=5, requantise_lanes=8)
"""Two words at a time, of four banks; the last core may be alone."""

FOUR_WORDS = replace(MANY_CORES, requantise_lanes=16)
"""A word of every bank at a time."""

REGISTERS = {
    "word": replace(MANY_CORES, register_stages=1),
    "parts": replace(PARTS, cores=5, register_stages=1),
    "two_words": replace(TWO_WORDS, register_stages=1),
}
"""Sums that go through registers before they are requantised."""

REGISTERED_TERMS = {
    "four": replace(FOUR_TERMS, register_stages=1),
    "unsigned": replace(UNSIGNED["unary"], register_stages=1),
}
"""Bundles that go through a register before they are issued."""

INPUTS = {
    "input_loader": CONFIG,
    "input_loader_two": replace(CONFIG, input_elements=2),
    "input_loader_four": replace(CONFIG, banks=1, input_elements=4),
    "input_loader_eight": replace(FOUR_TERMS, lanes=16, input_elements=8),
}
"""Input loaders for beats of every size."""

BEATS = replace(CONFIG, input_elements=4)
"""An accelerator whose input comes in beats."""

WISHBONE = replace(CONFIG, lanes=8, input_elements=8)
"""An accelerator behind Wishbone whose beats are two words of the bus."""

WISHBONE_DEPTH = 12
"""Of its queues: as many as the outputs of a small network, and no power of two."""

PARTS_OF_BEATS = replace(MANY_LANES, requantise_lanes=4, input_elements=8)
"""Beats that are larger than the parts of words."""

COLUMNS = replace(CONFIG, weight_words=300)
"""Linear layers beside all others."""

LINEAR = {
    "two_banks": COLUMNS,
    "one_rail": replace(
        COLUMNS, layer_kinds="linear", lanes=16, banks=1, rails=1, operand_width=4, weight_width=3
    ),
    "four_banks": replace(
        COLUMNS, layer_kinds="linear", lanes=8, terms_per_rail=2, banks=4, window_slots=8,
        lane="unary", operand_width=5, weight_width=6,
    ),
    "wide_shift": replace(COLUMNS, max_shift=7, operand_width=6, weight_width=5),
}  # fmt: skip
"""Columns of several widths, with windows beside them and without."""


def _narrow(config: AcceleratorConfig) -> AcceleratorConfig:
    """Accumulators that overflow soon, gated or not as before."""
    width = max(12, config.step_width)
    gated = config.low_bits < config.accumulator_width
    return replace(config, accumulator_width=width, low_bits=config.low_bits if gated else width)


MULTIPLYING = {
    "mac": replace(CONFIG, lane="mac", multiplier_width=4),
    "signed_mac": replace(
        CONFIG, lane="signed_mac", multiplier_width=5, rails=1, operand_width=6, low_bits=24
    ),
    "mac_four": replace(FOUR_TERMS, lane="mac", multiplier_width=8),
    "signed_mac_four": replace(FOUR_TERMS, lane="signed_mac", multiplier_width=2),
}
"""Conventional lanes, of one to four products; one whose accumulator is not gated."""

LANES = {
    name: _narrow(config)
    for name, config in {
        **{f"lane_csd_{shift}": replace(CONFIG, max_shift=shift) for shift in (1, 3, 7)},
        "lane_csd_one_rail": replace(CONFIG, rails=1, accumulator="signed"),
        "lane_csd_four": FOUR_TERMS,
        **{f"lane_unary_{rails}": replace(ONE_RAIL, rails=rails) for rails in (1, 2)},
        "lane_unary_four": replace(FOUR_TERMS, lane="unary"),
        **{f"lane_{name}": config for name, config in (LINEAR | MULTIPLYING).items()},
        **{f"lane_unsigned_{name}": config for name, config in UNSIGNED.items()},
    }.items()
}
"""Lanes of every kind, with accumulators so narrow that they overflow soon."""

LOADERS = {
    "program_loader": CONFIG,
    "program_loader_largest": replace(FOUR_TERMS, term_words=131072),
    "program_loader_columns": COLUMNS,
    "program_loader_linear": replace(LINEAR["four_banks"], weight_words=65536),
}
"""Program loaders; in the largest memories a section may go on where none may begin.

Hardware for linear layers alone has no term memories.
"""

NARROW = 6
"""Width of the accumulators that are tested with all values."""

_LOW_BITS = range(1, NARROW + 1)

UNSIGNED_ADDEND_BITS = (1, 3, NARROW)
"""Bits of what the narrow unsigned accumulators add."""

DIGIT_BITS = (1, 3, 5)
"""Digits that the narrow accumulators take."""

WIDE = 32
"""The widest accumulator that a configuration may have."""


class BufferedReader(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """A row reader that fills a row buffer."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(WindowRequest)),
                "room": In(1),
                "flush": In(1),
                "accepted": Out(1),
                "address": Out(16),
                "read": Out(1),
                "words": In(data.ArrayLayout(row_layout(config), config.banks)),
                "rows": Out(rows_layout(config)),
                "filled": Out(count_bits(config)),
                "last": Out(config.window_slots // config.banks),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = reader = RowReader(self._config)
        m.submodules.buffer = buffer = RowBuffer(self._config)
        connect(m, flipped(self.i), reader.i)
        m.d.comb += [
            reader.room.eq(self.room),
            reader.words.eq(self.words),
            self.accepted.eq(reader.accepted),
            self.address.eq(reader.address),
            self.read.eq(reader.read),
            buffer.flush.eq(self.flush),
            buffer.write.eq(reader.write),
            buffer.i.eq(reader.o),
            buffer.group_last.eq(reader.group_last),
            self.rows.eq(buffer.rows),
            self.filled.eq(buffer.filled),
            self.last.eq(buffer.last),
        ]
        return m


class StoredTerms(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """A term stream that reads a term memory."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        bits = count_bits(config)
        super().__init__(
            {
                "write": In(1),
                "write_address": In(17),
                "word": In(32),
                "jump": In(1),
                "target": In(16),
                "flush": In(1),
                "start": In(1),
                "enable": In(1),
                "tiles": In(16),
                "windows": In(bits),
                "base": In(bits),
                "accepted": In(bits),
                "filled": In(bits),
                "taken": In(1),
                "blocking": Out(1),
                "done": Out(1, init=1),
                "o": Out(control_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.terms = terms = TermStream(self._config)
        m.submodules.store = store = TermMemory(self._config)
        for name in ("write", "write_address", "word"):
            m.d.comb += getattr(store, name).eq(getattr(self, name))
        for name in (
            "jump",
            "target",
            "flush",
            "start",
            "enable",
            "tiles",
            "windows",
            "base",
            "accepted",
            "filled",
            "taken",
        ):
            m.d.comb += getattr(terms, name).eq(getattr(self, name))
        m.d.comb += [
            store.read.eq(terms.read),
            store.address.eq(terms.address),
            terms.bundle.eq(store.bundle),
            self.blocking.eq(terms.blocking),
            self.done.eq(terms.done),
            self.o.eq(terms.o),
        ]
        return m


@cache
def units() -> dict[str, wiring.Component]:
    """The units by name."""
    return {
        **{f"accumulator_{low}": create_accumulator(NARROW, low, NARROW) for low in _LOW_BITS},
        **{f"accumulator_digits_{n}": GatedAccumulator(NARROW, 3, NARROW, n) for n in DIGIT_BITS},
        "accumulator_digits_plain": create_accumulator(NARROW, NARROW, NARROW, DIGIT_BITS[1]),
        "accumulator_short": GatedAccumulator(NARROW, 4, 2),
        **{
            f"accumulator_unsigned_{low}_{bits}": UnsignedAccumulator(NARROW, low, bits)
            for low in _LOW_BITS
            for bits in UNSIGNED_ADDEND_BITS
        },
        "accumulator_wide": GatedAccumulator(WIDE, 5, FOUR_TERMS.step_width),
        **{name: create_lane(config) for name, config in LANES.items()},
        "requantiser": Requantiser(CONFIG),
        "requantiser_wide": Requantiser(replace(CONFIG, accumulator_width=WIDE)),
        "max_pool": MaxPool(CONFIG),
        "max_pool_one_bank": MaxPool(ONE_RAIL),
        "max_pool_four_banks": MaxPool(FOUR_TERMS),
        **{name: InputLoader(config) for name, config in INPUTS.items()},
        **{name: ProgramLoader(config) for name, config in LOADERS.items()},
        "window_sequencer": WindowSequencer(CONFIG),
        "descriptor_reader": DescriptorReader(CONFIG),
        "reader": BufferedReader(CONFIG),
        "reader_one_bank": BufferedReader(ONE_RAIL),
        "reader_four_banks": BufferedReader(FOUR_TERMS),
        "reader_many_lanes": BufferedReader(MANY_LANES),
        "terms": StoredTerms(CONFIG),
        "terms_one_rail": StoredTerms(ONE_RAIL),
        "terms_four": StoredTerms(FOUR_TERMS),
        "terms_multiplying": StoredTerms(MULTIPLYING["mac_four"]),
        **{f"terms_unsigned_{name}": StoredTerms(config) for name, config in UNSIGNED.items()},
        **{
            f"terms_registered_{name}": StoredTerms(config)
            for name, config in REGISTERED_TERMS.items()
        },
        "core": Core(CONFIG),
        "core_one_rail": Core(ONE_RAIL),
        "core_four": Core(FOUR_TERMS),
        **{f"core_{name}": Core(config) for name, config in MULTIPLYING.items()},
        **{f"core_unsigned_{name}": Core(config) for name, config in UNSIGNED.items()},
        **{f"core_linear_{name}": Core(config) for name, config in LINEAR.items()},
        **{f"linear_stream_{name}": LinearStream(config) for name, config in LINEAR.items()},
        **{f"weight_memory_{name}": WeightMemory(config) for name, config in LINEAR.items()},
        "drain": Drain(CONFIG),
        "drain_one_bank": Drain(ONE_RAIL),
        "drain_many_cores": Drain(MANY_CORES),
        "drain_parts": Drain(PARTS),
        "drain_two_words": Drain(TWO_WORDS),
        "drain_four_words": Drain(FOUR_WORDS),
        **{f"drain_registers_{name}": Drain(config) for name, config in REGISTERS.items()},
        "store_port": StorePort(CONFIG),
        "store_port_many_lanes": StorePort(MANY_LANES),
        "store_port_parts": StorePort(PARTS),
        "store_port_two_words": StorePort(TWO_WORDS),
        "store_port_beats": StorePort(BEATS),
        "store_port_parts_of_beats": StorePort(PARTS_OF_BEATS),
        "registers": Registers(CONFIG),
        "sequencer": Sequencer(CONFIG),
    }


class Units(wiring.Component):  # type: ignore[misc]  # Amaranth has no types
    """Units, those of :func:`units` or others, each with its ports under its name."""

    def __init__(self, parts: Mapping[str, wiring.Component] | None = None) -> None:
        self._units = units() if parts is None else parts
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
