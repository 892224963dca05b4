"""Counted signals: each is there in the Verilog, where its path says, and is counted once."""

from __future__ import annotations

import re

import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import bundle_fields
from sim.harness import accelerator_verilog
from sim.signals import CLASSES, TOP, counted_signals, public_lines

CONFIGS = [
    AcceleratorConfig(lanes=4, cores=6, rails=2, low_bits=5, window_slots=8),
    AcceleratorConfig(lanes=8, cores=1, lane="unary", rails=2, banks=1, window_slots=4),
    AcceleratorConfig(
        lanes=4, cores=2, lane="unary", rails=1, accumulator="signed", banks=4, window_slots=8
    ),
    AcceleratorConfig(lanes=16, cores=2, rails=2, terms_per_rail=2, requantise_lanes=4),
    AcceleratorConfig(lanes=16, cores=2, lane="unary", terms_per_rail=2),
    AcceleratorConfig(lanes=4, cores=3, requantise_lanes=8),
    AcceleratorConfig(lanes=4, cores=1, lane="signed_mac", multiplier_width=3, low_bits=24),
]

IDS = [f"{c.lane}{c.rails}x{c.terms_per_rail} {c.cores}x{c.lanes}" for c in CONFIGS]


def modules(config: AcceleratorConfig) -> dict[str, str]:
    """Module name -> its text."""
    verilog = accelerator_verilog(config)
    return {
        found[1]: found[0]
        for found in re.finditer(r"^module (\S+?)\s*\(.*?^endmodule", verilog, re.S | re.M)
    }


def width(text: str, name: str) -> int:
    """Bits of a signal that a module declares; 0 where it declares none of that name."""
    found = re.search(
        rf"^\s*(?:input |output )?(?:reg|wire) (?:signed )?(?:\[(\d+):0\] )?{name} ?[;=]",
        text,
        re.M,
    )
    return 0 if found is None else int(found[1] or 0) + 1


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_signals_are_where_their_path_says(config: AcceleratorConfig) -> None:
    texts = modules(config)
    for signal in counted_signals(config):
        module = TOP
        for instance in signal.path:
            text = texts[module]
            found = re.search(rf"^  (\S+) {instance} \(", text, re.M)
            assert found, f"{module} has no instance {instance}"
            module = found[1]
        assert signal.module == module
        assert width(texts[module], signal.name), f"{module} declares no {signal.name}"


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_widths_of_the_datapath(config: AcceleratorConfig) -> None:
    """What is counted is the whole of a signal: all lanes, all slots."""
    texts = modules(config)
    expected = {
        "operand0": config.lanes * 8,
        "accumulators": config.lanes * config.accumulator_width,
        "sums": config.lanes * config.accumulator_width,
        "rows": config.window_slots * config.lanes * 8,
        "words": config.banks * config.lanes * 8,
        "bundle": sum(bundle_fields(config).values()),
        "state": config.part_lanes * (config.accumulator_width + 3),
        "word0": config.lanes * 8,
        "enable": config.banks,
        "lanes": config.lanes,
    }
    found = {s.name: width(texts[s.module], s.name) for s in counted_signals(config)}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_every_class_and_no_signal_twice(config: AcceleratorConfig) -> None:
    signals = counted_signals(config)
    assert {signal.signal_class for signal in signals} == set(CLASSES)
    names = [(signal.path, signal.name) for signal in signals]
    assert len(names) == len(set(names))
    for name, per_core in (("operand", config.terms), ("accumulator", 2), ("term_stream", 2)):
        assert sum(s.signal_class == name for s in signals) == config.cores * per_core
    stored = [s.name for s in signals if s.path == ("store_port",)]
    assert stored == ["address", "enable", "lanes", *(f"word{n}" for n in range(config.banks))]


def test_public_lines_name_each_declaration_once() -> None:
    config = AcceleratorConfig(cores=3)
    lines = public_lines(config).splitlines()
    assert len(lines) == len(set(lines))
    assert f'public_flat_rd -module "{TOP}__array__core" -var "sums"' in lines
    assert len(lines) == len({(s.module, s.name) for s in counted_signals(config)})


def test_names_in_cpp() -> None:
    config = AcceleratorConfig(rails=2)
    signal = next(s for s in counted_signals(config) if s.name == "operand1")
    assert signal.cpp == "pann_accelerator__DOT__array__DOT__core_0__DOT__operand1"
