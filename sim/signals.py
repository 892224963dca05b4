"""Which signals of the generated accelerator are counted, in classes."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.config import AcceleratorConfig
from pann_hw.program.flips import CLASSES
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
    ("sequencer",): (
        "fsm_state",
        "index",
        "first_pass",
        "input_base",
        "input_width",
        "input_rows",
        "tile",
        "row",
        "tile_address",
        "item",
        "segments",
        "records",
    ),
    ("drain",): ("fsm_state", "core", "step", "lane", "word_address", "address"),
    ("input_loader",): ("address", "lane", "column", "row", "busy"),
    ("array", "sequencer"): (
        "active",
        "index",
        "tile",
        "row_address0",
        "row_address1",
        "row_y0",
        "row_y1",
        "tile_x0",
        "tile_x1",
        "channel",
        "kernel_row",
        "base",
        "phase",
        "channel_address",
        "address",
        "y",
    ),
    ("array", "reader"): ("busy", "following", "held", "write"),
    ("array", "row_buffer"): ("filled", "taps", "channel_last"),
    ("array",): ("accepted",),
    ("array", "max_pool"): ("position", "tap", "fresh", "channel", "value", "done", "write"),
}


def counted_signals(config: AcceleratorConfig) -> list[CountedSignal]:
    """Every counted signal of the accelerator that a configuration gives."""
    signals = []
    for core in range(config.cores):
        at = ("array", f"core_{core}")
        signals += [CountedSignal("operand", at, f"operand{rail}") for rail in range(config.rails)]
        signals.append(CountedSignal("accumulator", at, "sums"))
        for rail in range(config.rails):
            at = ("array", f"terms_{core * config.rails + rail}")
            signals += [
                CountedSignal("term_stream", at, "word"),
                CountedSignal("term_stream", at, "o"),
                CountedSignal("memory_ports", at, "following"),
                *(
                    CountedSignal("control", at, name)
                    for name in ("first", "position", "pending", "done")
                ),
            ]
    signals += [
        CountedSignal("row_buffer", ("array", "row_buffer"), "rows"),
        CountedSignal("requantiser", ("drain", "requantiser"), "state"),
        CountedSignal("memory_ports", ("array", "reader"), "address"),
        CountedSignal("memory_ports", ("array", "reader"), "read"),
        CountedSignal("memory_ports", ("array", "reader"), "word"),
        CountedSignal("memory_ports", (), "store_address"),
        CountedSignal("memory_ports", (), "store_enable"),
        CountedSignal("memory_ports", (), "store_word"),
        CountedSignal("memory_ports", ("sequencer",), "address"),
        CountedSignal("memory_ports", ("sequencer",), "word"),
    ]
    for path, names in _CONTROL.items():
        signals += [CountedSignal("control", path, name) for name in names]
    return signals


def public_lines(config: AcceleratorConfig) -> str:
    """Verilator control lines that make the counted signals readable from C++."""
    pairs = {(signal.module, signal.name) for signal in counted_signals(config)}
    return "\n".join(
        f'public_flat_rd -module "{module}" -var "{name}"' for module, name in sorted(pairs)
    )
