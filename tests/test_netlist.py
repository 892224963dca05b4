"""The generated Verilog as a whole: no multiplier, clean lint, the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pann_hw.config import AcceleratorConfig
from rtl_gen.verilog import multiplier_cells
from sim.build import lint
from sim.harness import accelerator_verilog
from sim.signals import TOP


def _config(**parameters: Any) -> AcceleratorConfig:
    """Small memories: synthesis of large ones takes long and tells nothing about multipliers."""
    return AcceleratorConfig(activation_words=64, term_words=64, descriptor_words=64, **parameters)


CONFIGS = {
    "csd": _config(),
    "csd, two rails": _config(rails=2, low_bits=5, window_slots=8),
    "unary, one rail": _config(lane="unary", lanes=4, cores=1, banks=1, window_slots=4),
    "unary, one rail, signed": _config(
        lane="unary", accumulator="signed", lanes=4, cores=1, banks=1, window_slots=4
    ),
    "unary, two rails": _config(
        lane="unary", rails=2, lanes=16, cores=3, banks=4, requantise_lanes=64
    ),
    "csd, wide shift": _config(
        rails=2, cores=2, max_shift=7, accumulator_width=28, low_bits=8, window_slots=16
    ),
    "columns of weights": _config(weight_words=64, weight_width=5, operand_width=6, cores=2),
    "linear layers alone": _config(
        layer_kinds="linear", weight_words=64, weight_width=4, operand_width=4, cores=1, rails=1
    ),
    "beats of elements of five bits": _config(operand_width=5, input_elements=8, cores=1),
    "csd, accumulator without gate": _config(cores=1, low_bits=24),
    "csd, two unsigned terms": _config(cores=1, terms_per_rail=2),
    "csd, four terms": _config(cores=1, rails=2, terms_per_rail=2, requantise_lanes=4),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_synthesised_netlist_has_no_multiplier(config: AcceleratorConfig) -> None:
    assert multiplier_cells(accelerator_verilog(config), TOP) == []


CONVENTIONAL = {
    "mac": _config(lane="mac", multiplier_width=5, cores=1),
    "signed mac, accumulator without gate": _config(
        lane="signed_mac", multiplier_width=2, rails=1, low_bits=24, cores=2
    ),
    "mac, four products": _config(lane="mac", rails=2, terms_per_rail=2, window_slots=16, cores=1),
}


@pytest.mark.parametrize("config", CONVENTIONAL.values(), ids=CONVENTIONAL.keys())
def test_conventional_lanes_have_multipliers(config: AcceleratorConfig) -> None:
    """One in each lane for each product: the test above can fail."""
    cells = multiplier_cells(accelerator_verilog(config), TOP)
    assert len(cells) >= config.terms


ALL = CONFIGS | CONVENTIONAL


@pytest.mark.parametrize("config", ALL.values(), ids=ALL.keys())
def test_verilator_finds_nothing_to_warn_of(config: AcceleratorConfig, tmp_path: Path) -> None:
    verilog = tmp_path / "accelerator.v"
    verilog.write_text(accelerator_verilog(config))
    lint(verilog, TOP)


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "pann_hw.cli", "generate", "--output", str(folder)],
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            check=True,
            capture_output=True,
            cwd=Path(__file__).parent.parent,
        )
        texts.append((folder / "accelerator.v").read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].decode() == accelerator_verilog(AcceleratorConfig())
