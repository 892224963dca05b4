"""Which signals of the generated accelerator are counted, in classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.flips import CLASSES
from sim.build import cpp_name

__all__ = ["CLASSES", "TOP", "CountedSignal", "counted_signals", "public_lines"]

TOP = "pann_accelerator"
"""Name of the accelerator's top module."""


@dataclass(frozen=True)
class CountedSignal:
    """A signal by class, path of instances below the top module, and name."""

    signal_class: str
    path: tuple[str, ...]
    name: str

    @property
    def cpp(self) -> str:
        """How the C++ model calls it."""
        return "__DOT__".join(cpp_name(part) for part in (TOP, *self.path, self.name))

    @property
    def module(self) -> str:
        """The Verilog module that declares it (instance numbers are no part of module names)."""
        parts = [part.rstrip("0123456789").rstrip("_") or part for part in self.path]
        return "__".join((TOP, *parts))


_CONTROL = {
    ("sequencer",): ("fsm_state", "index", "entry", "running", "ending"),
    ("descriptor_reader",): (
        "fsm_state",
        "index",
        "item",
        "segments",
        "records",
        "item_valid",
        "records_valid",
    ),
    ("drain",): (
        "fsm_state",
        "held_item",
        "held_records",
        "core",
        "step",
        "lane",
        "row",
        "column",
        "half",
        "tile_address",
        "word_address",
        "word_bank",
        "store",
    ),
    ("input_loader",): (
        "busy",
        "step",
        "row",
        "column",
        "strip",
        "channel",
        "channel_address",
        "row_address",
    ),
    ("array",): ("fetched", "drained", "waiting", "running", "drain_waits", "input_free"),
}
"""Registers of the class control, by path."""

_WINDOW_CONTROL: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("array", "sequencer"): (
        "held_item",
        "held_segments",
        "preparing",
        "entering",
        "active",
        "tile_row",
        "tile_step",
        "origin0",
        "origin1",
        "edge0",
        "edge1",
        "index",
        "group",
        "kernel_row",
        "kernel_column",
        "channel",
        "row",
        "column",
    ),
    ("array", "reader"): ("held", "write", "group_last"),
    ("array", "row_buffer"): ("filled", "last"),
    ("array",): ("accepted", "base", "fetched_groups", "groups"),
    ("array", "max_pool"): (
        "position",
        "enabled",
        "fresh",
        "group",
        "tile",
        "origin",
        "target",
        "column",
        "half",
        "value",
        "address",
        "write",
        "phase",
        "upper",
        "done",
    ),
}
"""Those of what fetches windows and adds or compares them."""

_LINEAR_CONTROL: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("array",): ("linear_record",),
    ("array", "linear_stream"): (
        "busy",
        "left",
        "span",
        "there",
        "bank",
        "unseen",
        "word_column",
        "first_read",
        "x",
        "x_column",
        "fresh",
        "biases",
        "bias_column",
        "clear",
    ),
}
"""Those of linear passes."""

_STREAM_CONTROL = (
    "first",
    "tile",
    "tile_end",
    "position",
    "enabled",
    "pending",
    "fresh",
    "held_sums",
    "stepped",
    "done",
)


def counted_signals(config: AcceleratorConfig) -> list[CountedSignal]:
    """Every counted signal of the accelerator that a configuration gives."""
    signals = []
    for number in range(config.cores):
        core = ("array", f"core_{number}")
        signals += [CountedSignal("operand", core, f"operand{n}") for n in range(config.terms)]
        signals += [CountedSignal("accumulator", core, name) for name in ("accumulators", "sums")]
        registers = ["finished", "ready", *(["negated"] if config.unsigned else [])]
        if config.operand_registers:
            signals.append(CountedSignal("term_stream", core, "held_control"))
            registers += ["held_turn"] if config.unsigned else []
        signals += [CountedSignal("control", core, name) for name in registers]
    store = ("address", "enable", "lanes", *(f"word{n}" for n in range(config.banks)))
    requantisers = range(min(config.requantisers, config.cores))
    signals += [
        *(
            CountedSignal("requantiser", ("drain", f"requantiser_{n}"), "state")
            for n in requantisers
        ),
        *(CountedSignal("memory_ports", ("store_port",), name) for name in store),
        CountedSignal("memory_ports", ("sequencer",), "address"),
        CountedSignal("memory_ports", ("sequencer",), "word"),
        CountedSignal("memory_ports", ("descriptor_reader",), "address"),
        CountedSignal("memory_ports", ("descriptor_reader",), "word"),
    ]
    if config.register_stages:
        drain = ("drain",)
        signals.append(CountedSignal("control", ("array",), "lane_on"))
        signals += [
            CountedSignal("control", drain, name) for name in ("seen", "loaded", "held_last_lane")
        ]
        for n in requantisers:
            signals.append(CountedSignal("requantiser", drain, f"sums{n}"))
            signals.append(CountedSignal("control", drain, f"record{n}"))
    if config.input_elements > 1:
        signals.append(CountedSignal("control", ("input_loader",), "index"))
    if config.windows:
        signals += _window_signals(config)
    if config.linear:
        signals += _linear_signals(config)
    return signals + _registers(_CONTROL)


def _window_signals(config: AcceleratorConfig) -> list[CountedSignal]:
    reader = ("array", "reader")
    signals = [
        CountedSignal("row_buffer", ("array", "row_buffer"), "rows"),
        *(CountedSignal("memory_ports", reader, name) for name in ("address", "read", "words")),
    ]
    for number in range(config.cores):
        terms = ("array", f"terms_{number}")
        signals += [CountedSignal("term_stream", terms, name) for name in ("bundle", "o")]
        signals.append(CountedSignal("memory_ports", terms, "following"))
        signals += [CountedSignal("control", terms, name) for name in _STREAM_CONTROL]
        if config.register_stages:
            signals.append(CountedSignal("term_stream", terms, "held_bundle"))
            signals += [
                CountedSignal("control", terms, name) for name in ("final", "ahead", "farthest")
            ]
    if config.register_stages:
        edges = ("left_edge", "right_edge")
        signals += [CountedSignal("control", ("array",), name) for name in edges]
        request = ("array", "request_register")
        signals += [
            CountedSignal("control", request, f"o__{name}") for name in ("valid", "payload")
        ]
    return signals + _registers(_WINDOW_CONTROL)


def _linear_signals(config: AcceleratorConfig) -> list[CountedSignal]:
    stream = ("array", "linear_stream")
    ports = ["address", "read", "column", "column_read"]
    if not config.windows:
        # Elsewhere the words are those that the row reader sees too.
        ports.append("words")
    signals = [CountedSignal("memory_ports", stream, name) for name in ports]
    if config.banks > 1:
        signals += [CountedSignal("control", stream, name) for name in ("last_words", "last_bank")]
    signals.append(CountedSignal("term_stream", stream, "o"))
    for number in range(config.cores):
        memory = ("array", f"weight_memory_{number}")
        signals.append(CountedSignal("term_stream", memory, "column"))
    return signals + _registers(_LINEAR_CONTROL)


def _registers(names: Mapping[Any, Sequence[str]]) -> list[CountedSignal]:
    return [CountedSignal("control", path, name) for path, all_ in names.items() for name in all_]


def public_lines(config: AcceleratorConfig, others: Iterable[CountedSignal] = ()) -> str:
    """Verilator control lines that make the counted signals, and others, readable from C++."""
    pairs = {(signal.module, signal.name) for signal in (*counted_signals(config), *others)}
    return "\n".join(
        f'public_flat_rd -module "{module}" -var "{name}"' for module, name in sorted(pairs)
    )
